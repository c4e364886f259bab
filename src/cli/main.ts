#!/usr/bin/env node
import module from 'node:module';
import { VERSION } from '../version.ts';

// A reader that has seen enough, such as `head`, closes the pipe; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

if (/^(?:-V|--version)$/u.test(process.argv[2] ?? '')) {
  // Asked by scripts, so it loads nothing else.
  console.log(VERSION);
} else {
  // Node 22.8 and later can keep what V8 compiles for the next start.
  (module as { enableCompileCache?: () => void }).enableCompileCache?.();
  const { runProgram } = await import('./run-program.ts');
  process.exitCode = await runProgram(process.argv);
}
