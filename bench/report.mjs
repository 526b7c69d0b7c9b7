// What a run found, as data and as tables.
import { cpus, loadavg, release } from "node:os";
import { output } from "../scripts/programs.mjs";
import { candidates, references } from "./candidates.mjs";
import { columns as usualColumns } from "./measures.mjs";
import { moreColumns } from "./more.mjs";
import { root } from "./project.mjs";
import { ratio, summarise } from "./statistics.mjs";
import { spreadCell, table } from "./table.mjs";

/**
 * @import { Options } from "./options.mjs"
 * @import { Column } from "./measures.mjs"
 * @import { Problem, Row } from "./section.mjs"
 * @import { Summary } from "./statistics.mjs"
 */

/** @typedef {Record<string, Summary | undefined>} Summaries by column */

/**
 * @typedef {object} SummarisedRow
 * @property {string} name
 * @property {Row["rounds"]} rounds
 * @property {Summaries} summary
 * @property {Record<string, Summaries>} ratios by reference
 */

/**
 * @typedef {object} Section
 * @property {"on" | "off"} segmentation
 * @property {SummarisedRow[]} rows
 * @property {Problem[]} problems
 */

/** @typedef {{ name: string, why: string }} Skipped */

/** The machine and the project as they are at the start. */
export function describeRun() {
  const processors = cpus();
  const commit = output("git", ["-C", root, "rev-parse", "--short", "HEAD"]);
  return {
    date: new Date().toISOString(),
    kernel: `Linux ${release()}`,
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    node: process.version,
    load: loadavg()[0] ?? 0,
    ...(commit !== undefined && { commit }),
  };
}

/** @param {ReturnType<typeof describeRun>} run */
export function headline({ date, kernel, cpu, cores, node, load, commit }) {
  const words = [
    ...[date.slice(0, 16).replace("T", " "), kernel, `${cpu} × ${cores}`, `Node ${node}`],
    ...(commit === undefined ? [] : [`commit ${commit}`]),
    `load at start ${load.toFixed(1)}`,
  ];
  return `crapvpn bench · ${words.join(" · ")}`;
}

/**
 * @param {boolean} segmentation
 * @param {{ rows: Row[], problems: Problem[] }} measured
 * @returns {Section}
 */
export function summariseSection(segmentation, { rows, problems }) {
  /**
   * @param {Row} row
   * @param {Row} reference
   */
  const ratios = (row, reference) =>
    ofColumns((key) =>
      ratio(
        row.rounds.map((samples) => samples[key]),
        reference.rounds.map((samples) => samples[key]),
      ),
    );
  return {
    segmentation: segmentation ? "on" : "off",
    rows: rows.map((row) => ({
      ...row,
      summary: ofColumns((key) => summarise(row.rounds.map((samples) => samples[key]))),
      ratios: Object.fromEntries(
        rows
          .filter(({ name }) => references.includes(name))
          .map((reference) => [reference.name, ratios(row, reference)]),
      ),
    })),
    problems,
  };
}

/**
 * @param {(key: string) => Summary | undefined} summaryOf
 * @returns {Summaries}
 */
function ofColumns(summaryOf) {
  return Object.fromEntries(
    [...usualColumns, ...moreColumns].map(({ key }) => [key, summaryOf(key)]),
  );
}

/**
 * All that a run has to show, but its headline.
 * @param {readonly Section[]} sections
 * @param {readonly Skipped[]} skipped
 */
export function text(sections, skipped) {
  const parts = sections.map(({ segmentation, rows, problems }) =>
    [
      `The cable's UDP segmentation ${segmentation}`,
      "",
      ...[usualColumns, moreColumns].flatMap((columns) => tables(rows, columns)),
      ...problems.map(
        ({ candidate, during, message }) => `failed: ${candidate}, ${during}: ${message}`,
      ),
    ].join("\n"),
  );
  const missing = skipped.map(({ name, why }) => `skipped: ${name}: ${why}`);
  return [...parts, ...(missing.length > 0 ? [missing.join("\n")] : [])].join("\n\n");
}

/** @param {Options} options */
export function explain({ rounds, settings }) {
  const { tcpSeconds, udpSeconds, idlePings } = settings;
  return [
    `${rounds} round(s) of: ${idlePings} pings; one TCP stream (iperf3, received) of ${tcpSeconds} s with pings beside it;`,
    `${udpSeconds} s of UDP datagrams of 64 bytes as fast as our own sender can (flood.mjs, received).`,
    "Median (lowest–highest round). 99 %: of all pings. CPU: user and system time of both ends' processes",
    "for each 64 KiB of TCP payload. Memory: the larger end's peak of resident memory. Of all but TCP and UDP, less",
    "is better.",
  ].join("\n");
}

/**
 * Figures and multiples by these columns.
 * @param {readonly SummarisedRow[]} rows
 * @param {readonly Column[]} columns
 * @returns {string[]} nothing if none of them was measured
 */
function tables(rows, columns) {
  if (!rows.some(({ summary }) => columns.some(({ key }) => summary[key]))) return [];
  return [
    figures(rows, columns),
    ...references.flatMap((reference) => multiples(rows, columns, reference)),
    "",
  ];
}

/**
 * @param {readonly SummarisedRow[]} rows
 * @param {readonly Column[]} columns
 */
function figures(rows, columns) {
  const heading = ["candidate", "cipher", "integrity"];
  const isPooled = (/** @type {string} */ key) =>
    rows.some(({ summary }) => summary[key]?.p99 !== undefined);
  for (const { key, title, unit } of columns) {
    heading.push(`${title} ${unit}`, ...(isPooled(key) ? ["99 %"] : []));
  }
  const lines = rows.map(({ name, summary }) => {
    const { cipher, integrity } = candidates.find((candidate) => candidate.name === name) ?? {};
    const line = [name, cipher ?? "–", integrity === undefined ? "–" : integrity ? "yes" : "no"];
    for (const { key, digits } of columns) {
      line.push(spreadCell(summary[key], digits));
      if (isPooled(key)) line.push(summary[key]?.p99?.toFixed(digits) ?? "–");
    }
    return line;
  });
  return table([heading, ...lines], 3);
}

/**
 * The rows as multiples of one of them.
 * @param {readonly SummarisedRow[]} rows
 * @param {readonly Column[]} columns
 * @param {string} reference
 * @returns {string[]} nothing if it was not measured, or alone
 */
function multiples(rows, columns, reference) {
  const others = rows.filter(
    ({ name, ratios }) => name !== reference && columns.some(({ key }) => ratios[reference]?.[key]),
  );
  if (others.length === 0) return [];
  const lines = others.map(({ name, ratios }) => [
    name,
    ...columns.map(({ key }) => spreadCell(ratios[reference]?.[key])),
  ]);
  const heading = [`× ${reference}`, ...columns.map(({ title }) => title)];
  return ["", table([heading, ...lines], 1)];
}
