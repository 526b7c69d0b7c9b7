// Every command and option of the program.

import type { CommandSpec, OptionSpec } from "./command.js";

export const PROGRAM = "crapvpn";

/** Options of the program itself, and of every command. */
export const globalOptions: readonly OptionSpec[] = [
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
      about:
        "The key, the same at both ends: hex, @FILE, or - for standard input (else $CRAPVPN_KEY)",
    },
    {
      name: "peer-host",
      short: "p",
      value: "HOST[:PORT]",
      about: "The other end; port 1337 unless given",
    },
    {
      name: "listen",
      value: "[ADDR:]PORT",
      about: "Where to listen; port 1337 on every address unless given",
    },
    { name: "device", value: "NAME", about: "Name of the TUN device (default: tun0)" },
    {
      name: "mtu",
      value: "BYTES",
      about: "Longest inner packet (default: what fits the way to the peer in one piece)",
    },
    { name: "ethertype", about: "Write 0800 or 86dd in bytes 6-7 of the header, instead of zeros" },
    { name: "only-peer", about: "Take datagrams from the peer's address and port alone" },
    {
      name: "stats",
      value: "SECONDS",
      about: "Print counters every so often (SIGUSR2 prints them at any time)",
    },
    { name: "json", about: "Print events on standard output, a JSON object a line" },
    { name: "verbose", short: "v", about: "Tell more: -v each kind of drop, -vv every drop" },
    { name: "quiet", short: "q", about: "Tell errors only" },
  ],
  notes: [
    "LOCAL_IP may carry a /PREFIX: then the whole network is behind the tunnel. Give more pairs for",
    "more addresses, such as one of IPv6. Needs the right to make a network device (root).",
    "XOR protects nothing: anybody who knows a few bytes of one packet knows the key.",
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
  ],
  run: async (parsed) => (await import("./run.js")).run(parsed),
};

const help: CommandSpec = {
  name: "help",
  usage: "help [COMMAND]",
  about: "Show what a command does",
  options: [],
  examples: [{ words: "help run", about: "the same as: crapvpn run --help" }],
  run: async ({ words }) => (await import("./help.js")).showHelp(words),
};

/** The first is meant where no command is named. */
export const commands: readonly CommandSpec[] = [run, help];
export const defaultCommand = run;
