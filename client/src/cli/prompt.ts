/** Asks for a secret on the terminal without showing it. */
import { Failure } from './failure.ts';

const ENTER = new Set(['\r', '\n', '\u0004']);
const ERASE = new Set(['\u007f', '\b']);
const STOP = '\u0003';

/** `stdin` must be a terminal. */
export function askSecret(question: string, stdin: NodeJS.ReadStream, write: (text: string) => void): Promise<string> {
  write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  return new Promise((resolve, reject) => {
    let typed = '';
    const end = (settle: () => void) => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
      write('\n');
      settle();
    };
    const onData = (chunk: string | Buffer) => {
      for (const c of chunk.toString()) {
        if (c === STOP) return end(() => reject(new Failure('stopped', { code: 'stopped' })));
        if (ENTER.has(c)) return end(() => resolve(typed));
        if (ERASE.has(c)) typed = typed.slice(0, -1);
        else if (c >= ' ') typed += c;
      }
    };
    stdin.on('data', onData);
  });
}
