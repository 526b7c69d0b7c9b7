// Every command and option of the program.

import type { CommandSpec, OptionSpec } from "./command.js";
import { completions } from "./shell/command.js";

export const PROGRAM = "crapvpn";

/** Options of the program itself, and of every command. */
export const globalOptions: readonly OptionSpec[] = [
  {
    name: "verbose",
    short: "v",
    about: "Tell more: -v each kind of drop, -vv every drop, and where a fault of ours lies",
  },
  { name: "help", short: "h", about: "Show this help" },
  { name: "version", about: "Show the version" },
];

const run: CommandSpec = {
  name: "run",
  usage: "[run] -k HEX -p HOST LOCAL_IP PEER_IP [LOCAL_IP PEER_IP …]",
  about: 'Join two hosts by a tunnel (the word "run" may be left out)',
  options: [
    {
      name: "hex-key",
      short: "k",
      value: "HEX",
      completes: "@file",
      about:
        "The format's key, the same at both ends: hex (AEADs: or base64), @FILE, or - for standard input (else $CRAPVPN_KEY)",
    },
    {
      name: "send-key",
      value: "KEY",
      completes: "@file",
      about:
        "Where each direction has a key of its own (esp-udp): that of what is sent (else $CRAPVPN_SEND_KEY)",
    },
    {
      name: "receive-key",
      value: "KEY",
      completes: "@file",
      about:
        "And that of what is received, which is the peer's --send-key (else $CRAPVPN_RECEIVE_KEY)",
    },
    {
      name: "role",
      value: "a|b",
      about: "crapvpn-aead: which end this is (default: a has the lower address inside the tunnel)",
    },
    {
      name: "peer-host",
      short: "p",
      value: "HOST[:PORT]",
      completes: "host",
      about: "The other end; the port is the format's (crapvpn: 1337) unless given",
    },
    {
      name: "listen",
      value: "[ADDR:]PORT",
      about: "Where to listen; the format's port on every address unless given",
    },
    {
      name: "device",
      value: "NAME",
      completes: "device",
      about: "Name of the TUN device (default: tun0)",
    },
    {
      name: "mtu",
      value: "BYTES",
      about: "Longest inner packet (default: what fits the way to the peer in one piece)",
    },
    {
      name: "format",
      value: "NAME|FILE",
      completes: "file",
      about: "How packets become datagrams: a built-in format, or a description (default: crapvpn)",
    },
    {
      name: "set",
      value: "[FORMAT.]NAME=VALUE",
      many: true,
      about: "Give a field or setting of the format its value: see crapvpn formats NAME",
    },
    {
      name: "expect",
      value: "[FORMAT.]NAME=VALUE",
      many: true,
      about: "What the peer sends in a field, where it differs",
    },
    {
      name: "ethertype",
      about: "Short for --set ethertype=table: crapvpn sends 0800 or 86dd in bytes 6-7, not zeros",
    },
    { name: "only-peer", about: "Take datagrams from the peer's address and port alone" },
    {
      name: "engine",
      value: "auto|batch|event",
      about: "Many packets at a time (Linux), or packet by packet (default: what the machine can)",
    },
    { name: "no-tun-offload", about: "Batch engine: no super-packets from and to the device" },
    { name: "no-udp-segment", about: "Batch engine: send each datagram by itself" },
    { name: "no-udp-gro", about: "Batch engine: receive each datagram by itself" },
    {
      name: "stats",
      value: "SECONDS",
      about: "Print counters every so often (SIGUSR2 prints them at any time)",
    },
    { name: "json", about: "Print events on standard output, a JSON object a line" },
    { name: "quiet", short: "q", about: "Tell errors only" },
  ],
  notes: [
    "LOCAL_IP may carry a /PREFIX: then the whole network is behind the tunnel. Give more pairs for",
    "more addresses, such as one of IPv6. Needs the right to make a network device (root).",
    "XOR protects nothing: anybody who knows a few bytes of one packet knows the key. crapvpn-aead",
    "protects, with a key of crapvpn keygen; what it does not give: crapvpn formats crapvpn-aead.",
  ],
  examples: [
    {
      words: "-k 1234ABCD -p 192.0.2.20 10.8.0.1 10.8.0.2",
      about: "on the other host: the same key, our address, and 10.8.0.2 10.8.0.1",
    },
    {
      words:
        "run -k @key.hex -p vpn.example.org:1400 --listen 1400 10.8.0.1/24 10.8.0.2 fd00::1 fd00::2",
      about: "key from a file, another port, a network behind the tunnel, IPv6 inside too",
    },
    {
      words: "--format gtpu --set teid=7 --expect teid=8 -p 192.0.2.20 10.8.0.1 10.8.0.2",
      about: "another format, which has no cipher; the other host sets 8 and expects 7",
    },
    {
      words: "--format crapvpn-aead -k @key -p 192.0.2.20 10.8.0.1 10.8.0.2",
      about: "enciphered for real; the file is of crapvpn keygen > key, copied by a safe way",
    },
  ],
  run: async (parsed) => (await import("./run.js")).run(parsed),
};

const lab: CommandSpec = {
  name: "lab",
  usage: "lab [OPTIONS] [-- COMMAND …]",
  about: "Build two hosts and a tunnel on this machine, try them, take them down",
  rest: "COMMAND",
  options: [
    { name: "key", short: "k", value: "HEX", about: "The key of both ends (default: 1234ABCD)" },
    { name: "shell", value: "a|b", about: "Open a shell on a host instead of the tour" },
    { name: "keep", about: "Keep the hosts until Ctrl-C, and tell how to enter them" },
    { name: "device", value: "NAME", about: "Name of the TUN devices (default: tun0)" },
    { name: "mtu", value: "BYTES", about: "Longest inner packet; IPv6 is left out below 1280" },
    { name: "ethertype", about: "Write 0800 or 86dd in bytes 6-7 of the header" },
    { name: "engine", value: "auto|batch|event", about: "As for run" },
    { name: "only-peer", about: "Take datagrams from the peer's address and port alone" },
    { name: "json", about: "Tell everything on standard output, a JSON object a line" },
  ],
  notes: [
    "With a command after --, host a runs it, and its exit code is ours. Host b is 10.8.0.2 and",
    "fd08::2 through the tunnel, 192.0.2.2 and 2001:db8::2 past it. Needs no root where every user",
    "may make namespaces and open /dev/net/tun; whatever happens, nothing is left behind.",
  ],
  examples: [
    { words: "lab", about: "the tour: topology, ping, HTTP, one packet's way through the tunnel" },
    { words: "lab -- ping -c 3 10.8.0.2", about: "a command on host a, with the tunnel running" },
  ],
  run: async (parsed) => (await import("./lab.js")).lab(parsed),
};

const doctor: CommandSpec = {
  name: "doctor",
  usage: "doctor [HOST] [--json]",
  completes: "host",
  about: "Tell what this machine can do, and what to do about what it cannot",
  options: [{ name: "json", about: "Tell the findings as one JSON object" }],
  notes: ["With a HOST, the way there and the MTU that a tunnel to it gets are told as well."],
  examples: [{ words: "doctor vpn.example.org", about: "exit code 5 if no tunnel can run here" }],
  run: async (parsed) => (await import("./doctor.js")).doctor(parsed),
};

const formats: CommandSpec = {
  name: "formats",
  usage: "formats [NAME|FILE] [--json]",
  completes: "file",
  about: "List the built-in formats, or tell all about one",
  options: [{ name: "json", about: "Tell the same as JSON: an array of formats, or one" }],
  notes: [
    "What has a slash or a point in it is a file with a description; else it is a built-in format.",
    "Overhead: the most bytes that a datagram has more than the packet that it carries.",
  ],
  examples: [
    { words: "formats gtpu", about: "its fields, what must be set to run it, its diagram" },
    { words: "formats ./mine.toml", about: "the same of a description of yours" },
  ],
  run: async (parsed) => (await import("./formats.js")).formats(parsed),
};

const check: CommandSpec = {
  name: "check",
  usage: "check FILE … [--json]",
  completes: "file",
  about: "Tell what is wrong with descriptions of formats",
  options: [
    { name: "json", about: "Tell each finding as a JSON object a line" },
    {
      name: "schema",
      about: "Print the JSON Schema of descriptions, for editors, and check nothing",
    },
  ],
  notes: [
    "A FILE of - is standard input. Findings go to standard output, their sum to standard error.",
  ],
  examples: [{ words: "check mine.toml", about: "exit code 3 if it cannot be used" }],
  run: async (parsed) => (await import("./check.js")).check(parsed),
};

const diagram: CommandSpec = {
  name: "diagram",
  usage: "diagram NAME|FILE [--svg]",
  completes: "file",
  about: "Draw a format bit by bit, 32 a row, as RFCs do",
  options: [{ name: "svg", about: "As SVG, instead of text" }],
  examples: [
    { words: "diagram crapvpn", about: "the diagram of the README" },
    { words: "diagram ./mine.toml --svg > mine.svg", about: "a picture of a description of yours" },
  ],
  run: async (parsed) => (await import("./diagram.js")).diagram(parsed),
};

const keygen: CommandSpec = {
  name: "keygen",
  usage: "keygen [--base64]",
  about: "Print a new key of 32 random bytes",
  options: [{ name: "base64", about: "In base64, instead of hex" }],
  notes: [
    "The same key at both ends; one key for each pair of ends, and kept where nobody reads it.",
  ],
  examples: [
    { words: "keygen > key", about: "then crapvpn --format crapvpn-aead -k @key …, at both ends" },
  ],
  run: async (parsed) => (await import("./keygen.js")).keygen(parsed),
};

const help: CommandSpec = {
  name: "help",
  usage: "help [COMMAND]",
  completes: "command",
  about: "Show what a command does",
  options: [],
  examples: [{ words: "help run", about: "the same as: crapvpn run --help" }],
  run: async ({ words }) => (await import("./help.js")).showHelp(words),
};

/** The first is meant where no command is named. */
export const commands: readonly CommandSpec[] = [
  run,
  lab,
  doctor,
  formats,
  check,
  diagram,
  keygen,
  completions,
  help,
];
export const defaultCommand = run;
