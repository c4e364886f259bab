import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Makes a Python environment in a folder, installs what the arguments of `pip install` name, and gives the path of its interpreter. */
export function makeVenv(folder, ...requirements) {
  execFileSync('python3', ['-m', 'venv', folder], { stdio: 'ignore' });
  const python = join(folder, 'bin/python');
  const options = ['install', '--quiet', '--disable-pip-version-check'];
  execFileSync(python, ['-m', 'pip', ...options, ...requirements], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return python;
}
