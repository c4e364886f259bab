import { Argument, type Command } from 'commander';
import { print } from './print.ts';

/** For each shell what its start file has to run. The words come from the program itself, so they are those of its version. */
const SCRIPTS = {
  bash: `_pixlake() {
  COMPREPLY=($(compgen -W "$(pixlake completion words "\${COMP_WORDS[@]:1:COMP_CWORD-1}")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _pixlake pixlake`,
  zsh: `_pixlake() {
  compadd -- \${(f)"$(pixlake completion words \${words[2,CURRENT-1]})"}
  _files
}
compdef _pixlake pixlake`,
  fish: `complete -c pixlake -a '(pixlake completion words (commandline -opc)[2..])'`,
} as const;

/** `pixlake completion`: lets a shell complete commands and options. */
export function addCompletionCommand(program: Command): void {
  const shells = Object.keys(SCRIPTS);
  program
    .command('completion')
    .summary('print what lets a shell complete commands and options')
    .addArgument(new Argument('<shell>', 'the shell').choices([...shells, 'words']))
    .argument('[words...]', 'what was typed before; with `words`, which the shells call')
    .allowUnknownOption()
    .addHelpText(
      'after',
      `
Examples:
  $ echo 'source <(pixlake completion bash)' >> ~/.bashrc
  $ echo 'source <(pixlake completion zsh)' >> ~/.zshrc
  $ pixlake completion fish > ~/.config/fish/completions/pixlake.fish`,
    )
    .action((shell: keyof typeof SCRIPTS | 'words', words: readonly string[]) =>
      print(...(shell === 'words' ? completionsOf(program, words) : [SCRIPTS[shell]])),
    );
}

/** Commands and options that may follow what was typed. */
function completionsOf(program: Command, words: readonly string[]): string[] {
  const command = words.reduce<Command>(
    (parent, word) => parent.commands.find((child) => child.name() === word) ?? parent,
    program,
  );
  return [
    ...command.commands.map((child) => child.name()),
    ...command.options.flatMap(({ long }) => long ?? []),
    '--help',
  ];
}
