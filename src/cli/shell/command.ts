// `crapvpn completions`: prints what makes a shell complete our words.

import { Failure } from "../../failure.js";
import type { CommandSpec, Parsed } from "../command.js";
import type { Completes } from "./completes.js";

const shells = ["bash", "zsh", "fish"] as const;

export const completions: CommandSpec & { readonly completes: Completes } = {
  name: "completions",
  usage: `completions ${shells.join("|")}`,
  about: "Print what makes a shell complete these words with Tab",
  completes: shells,
  options: [],
  notes: [
    "Write it where the shell looks for it:",
    "  bash  ~/.local/share/bash-completion/completions/crapvpn",
    "  zsh   a file _crapvpn in a folder that $fpath names",
    "  fish  ~/.config/fish/completions/crapvpn.fish",
    "bash looks there if the package bash-completion is installed; else source the file in ~/.bashrc.",
  ],
  examples: [
    {
      words: "completions fish > ~/.config/fish/completions/crapvpn.fish",
      about: "from then on, crapvpn --<Tab> shows the options",
    },
  ],
  run: printCompletions,
};

async function printCompletions({ words }: Parsed): Promise<number> {
  const [shell, ...others] = words;
  const { commands, defaultCommand, globalOptions, PROGRAM } = await import("../commands.js");
  const table = { program: PROGRAM, commands, defaultCommand, globalOptions };
  if (others.length > 0) {
    throw new Failure("usage", `one shell at a time: "${others[0]}" is one word too many`);
  }
  switch (shell) {
    case "bash":
      process.stdout.write((await import("./bash.js")).bashCompletion(table));
      return 0;
    case "zsh":
      process.stdout.write((await import("./zsh.js")).zshCompletion(table));
      return 0;
    case "fish":
      process.stdout.write((await import("./fish.js")).fishCompletion(table));
      return 0;
    default: {
      const problem =
        shell === undefined ? "no shell" : `"${shell}" is no shell that we complete in`;
      throw new Failure("usage", `${problem}: give ${shells.join(", ")}`);
    }
  }
}
