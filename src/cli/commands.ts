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
        "The format's key, the same at both ends: hex, @FILE, or - for standard input (else $CRAPVPN_KEY)",
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
      name: "tcp",
      about:
        "Over TCP: -p HOST connects, --listen PORT without -p is connected to (alone: crapvpn-tcp)",
    },
    {
      name: "device",
      value: "NAME",
      completes: "device",
      about: "Name of the TUN or TAP device (default: tun0, tap0)",
    },
    {
      name: "layer",
      value: "2|3",
      about: "Carry Ethernet frames (a TAP) or IP packets (a TUN); alone, 2 means crapvpn-ethernet",
    },
    {
      name: "bridge",
      value: "NAME",
      completes: "device",
      about: "At layer 2: put the TAP into this bridge, and take it out again at the end",
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
    {
      name: "only-peer",
      about: "Take datagrams from the peer's address and port alone (kernels send from many ports)",
    },
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
    {
      name: "capture",
      value: "FILE|-",
      completes: "file",
      about:
        "Write a capture (pcapng) of the datagrams and the packets in them; - is standard output",
    },
    { name: "json", about: "Print events on standard output, a JSON object a line" },
    { name: "quiet", short: "q", about: "Tell errors only" },
  ],
  notes: [
    "LOCAL_IP may carry a /PREFIX: then the whole network is behind the tunnel. Give more pairs for",
    "more addresses, such as one of IPv6. At layer 2 addresses may be left out, or be LOCAL_IP/PREFIX",
    "alone. Needs the right to make a network device (root).",
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
    {
      words: "--tcp -k 1234ABCD --listen 1337 10.8.0.1 10.8.0.2",
      about: "over TCP; the other host: --tcp -k 1234ABCD -p 192.0.2.10 10.8.0.2 10.8.0.1",
    },
    {
      words: "--format gtpu --set teid=7 --expect teid=8 -p 192.0.2.20 10.8.0.1 10.8.0.2",
      about: "another format, which has no cipher; the other host sets 8 and expects 7",
    },
    {
      words: "--layer 2 -k @key.hex -p 192.0.2.20 --bridge br0",
      about: "join the networks at both ends: Ethernet frames, by a bridge that is there already",
    },
    {
      words: "-k @key.hex -p 192.0.2.20 --capture - 10.8.0.1 10.8.0.2 | wireshark -k -i -",
      about: "watch the tunnel outside and inside, datagram by datagram",
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
    {
      name: "layer",
      value: "2|3",
      about: "2: two bridged networks, one of which gives the other its address by DHCP",
    },
    { name: "format", value: "NAME|FILE", completes: "file", about: "As for run" },
    { name: "set", value: "[FORMAT.]NAME=VALUE", many: true, about: "As for run, at both ends" },
    { name: "device", value: "NAME", about: "Name of the devices (default: tun0, tap0)" },
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
    { words: "lab --format vxlan --set vni=42", about: "the tour over another format, at layer 2" },
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

/** Options of what reads captures: which tunnels are looked for in them. */
const soughtOptions: readonly OptionSpec[] = [
  {
    name: "hex-key",
    short: "k",
    value: "HEX",
    completes: "@file",
    about: "The tunnel's key: hex, @FILE, or - for standard input (else $CRAPVPN_KEY)",
  },
  {
    name: "format",
    value: "NAME|FILE",
    completes: "file",
    many: true,
    about:
      "Look for this format only: a built-in one, or a description (default: all built-in ones)",
  },
  {
    name: "set",
    value: "[FORMAT.]NAME=VALUE",
    many: true,
    about: "Give a setting of a format its value, or say what a field must hold",
  },
  {
    name: "decode-as",
    value: "udp.port==PORT,NAME|FILE",
    many: true,
    about: "Take all that comes from or goes to a port for datagrams of a format (or tcp.port==…)",
  },
];

const decode: CommandSpec = {
  name: "decode",
  usage: "decode FILE|- [-k HEX] [OPTIONS]",
  completes: "file",
  about: "Read the tunnel in a capture: what is inside, and what is wrong with it",
  options: [
    ...soughtOptions,
    { name: "tree", short: "V", about: "Every field of each frame, instead of a line" },
    {
      name: "bytes",
      short: "x",
      about: "The bytes of each frame, and of what was derived from it",
    },
    {
      name: "type",
      short: "T",
      value: "text|fields|json",
      about: "How to tell it (default: text)",
    },
    {
      name: "field",
      short: "e",
      value: "NAME",
      many: true,
      about: "With -T fields: a field's name, as in ip.src, crapvpn.magic, frame.number",
    },
    { name: "json", about: "Short for -T json: a JSON object a line for each frame" },
    {
      name: "write",
      short: "w",
      value: "OUT.pcapng",
      completes: "file",
      about: "Write the packets inside to a capture, and print no list",
    },
    { name: "count", short: "c", value: "N", about: "End after so many frames" },
    {
      name: "stats",
      about:
        "Sums at the end, instead of the list: protocols, drops, overhead, how good the key is",
    },
  ],
  notes: [
    "Reads pcap and pcapng, packed by gzip or zstd or not. Without a key, what is enciphered stays",
    "bytes. When few deciphered packets are whole, a line on standard error says how far they get.",
  ],
  examples: [
    {
      words: "decode capture.pcapng -k 1234ABCD",
      about: "a line for each frame, as tshark has it",
    },
    {
      words: "decode capture.pcapng -k 1234ABCD -T fields -e frame.number -e ip.src",
      about: "tab between fields, comma between several of one name",
    },
    {
      words: "decode - -k @key.hex -w inside.pcapng",
      about: "from a pipe (tcpdump -w - …), the packets inside to a file",
    },
  ],
  run: async (parsed) => (await import("./decode.js")).decode(parsed),
};

const verify: CommandSpec = {
  name: "verify",
  usage: "verify FILE|- -k HEX [OPTIONS]",
  completes: "file",
  about: "Hold each datagram of a capture against its format: decode, encode again, compare",
  options: [
    ...soughtOptions,
    { name: "json", about: "Tell each difference as a JSON object a line, then the sums as one" },
  ],
  notes: [
    "A datagram differs too if what it carries is no whole packet: version, lengths, checksums.",
    "Exit code 0 if there was a datagram and all are as described, 4 if not.",
  ],
  examples: [
    { words: "verify capture.pcapng -k 1234ABCD", about: "does this program speak CrapVPN?" },
    { words: "verify capture.pcapng --format ./mine.toml", about: "is my description right?" },
  ],
  run: async (parsed) => (await import("./verify.js")).verify(parsed),
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
  decode,
  verify,
  completions,
  help,
];
export const defaultCommand = run;
