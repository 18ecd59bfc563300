/** Begins to tell how far a piece of work of `total` steps has come. */
export type Progress = (work: string, total: number) => (done: number) => void;

/** Progress on stderr: a line that rewrites itself in a terminal, a few lines elsewhere. */
export const showProgress: Progress = (work, total) => {
  const terminal = process.stderr.isTTY === true;
  const began = performance.now();
  let shown = -1;
  return (done) => {
    const percent = Math.floor((100 * done) / total);
    const step = terminal ? percent : Math.floor(percent / 25);
    if (step === shown) return;
    shown = step;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    const line = `  ${work}: ${String(percent).padStart(3)} %, ${seconds} s`;
    if (terminal) process.stderr.write(`\r${line}${done >= total ? '\n' : ''}`);
    else process.stderr.write(`${line}\n`);
  };
};
