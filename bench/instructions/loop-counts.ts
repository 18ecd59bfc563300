// What a loop's instructions do, for those who look for what does not belong in one.
import type { DisassembledFunction, Instruction } from './disassembly.js';
import { innermostLoops } from './loops.js';

/** How the counts of a loop are called, in the order in which files hold them. */
export const loopColumns = [
  'instructions',
  /** Vectors' or numbers', floating-point or of integers. */
  'multiply-adds',
  /** From memory, but for broadcasts and spills. */
  'loads',
  'broadcasts',
  'stores',
  /** Of vector registers, to the stack or from it: in a loop over tiles there should be none. */
  'spills',
] as const;

export type LoopCounts = readonly number[];

const multiplyAdd =
  /^(vfn?m(add|sub)|vfmaddsub|vfmsubadd|vpdp|vdpbf16|fml[as]|fn?m(add|sub)|ml[as]$|[us]{1,2}dot|bfdot|[us]{1,2}mmla)/;
const broadcast = /^(v(p?broadcast)\w+|ld[1-4]r)$/;
const readsLast = /^(cmp|test|bt$|push|prefetch|vucomis|vcomis)/;

type Access = 'none' | 'load' | 'broadcast' | 'store' | 'spill';

function accessOf({ mnemonic, operands }: Instruction, stack: RegExp): Access {
  const isArm = /^(ld|st)/.test(mnemonic) && operands.includes('[');
  const memory = isArm ? operands : operandsOf(operands).find((operand) => operand.includes('('));
  if (memory === undefined || /^(lea|nop|prefetch)/.test(mnemonic)) return 'none';
  const onStack = stack.test(memory);
  const isVector = isArm ? /^\{?\s*[qv]\d/.test(operands) : /%[xyz]mm\d/.test(operands);
  if (onStack && isVector) return 'spill';
  if (broadcast.test(mnemonic) || /\{1to\d+\}/.test(operands)) return 'broadcast';
  if (isArm) return mnemonic.startsWith('st') ? 'store' : 'load';
  return operandsOf(operands).at(-1) === memory && !readsLast.test(mnemonic) && operands.includes(',')
    ? 'store'
    : 'load';
}

/** Of AT&T's syntax: commas within parentheses separate the parts of an address. */
const operandsOf = (operands: string): string[] => operands.split(/,(?![^(]*\))/);

/** The counts of each innermost loop of a function. */
export function loopsOf(disassembled: DisassembledFunction): LoopCounts[] {
  const stack = addressesOfStack(disassembled);
  return innermostLoops(disassembled).map((loop) => countLoop(loop, stack));
}

/** By the stack pointer, and by the frame pointer where the function has one: else that is a register like others. */
function addressesOfStack({ instructions }: DisassembledFunction): RegExp {
  const hasFrame = instructions.some(
    ({ mnemonic, operands }) => mnemonic === 'mov' && /^(%rsp,%rbp|x29, sp)$/.test(operands),
  );
  return hasFrame ? /\((%rsp|%rbp)|\[(sp|x29)\b/ : /\(%rsp|\[sp\b/;
}

function countLoop(instructions: readonly Instruction[], stack: RegExp): LoopCounts {
  const accesses = instructions.map((instruction) => accessOf(instruction, stack));
  const number = (wanted: Access): number => accesses.filter((access) => access === wanted).length;
  return [
    instructions.length,
    instructions.filter(({ mnemonic }) => multiplyAdd.test(mnemonic)).length,
    number('load'),
    number('broadcast'),
    number('store'),
    number('spill'),
  ];
}

/** Each only once, those with the most multiply-adds first, then the longest. */
export function distinctLoops(loops: readonly LoopCounts[]): LoopCounts[] {
  const byText = new Map(loops.map((counts) => [counts.join(), counts]));
  return [...byText.values()].sort((a, b) => b[1] - a[1] || compareNumbers(b, a));
}

function compareNumbers(a: LoopCounts, b: LoopCounts): number {
  const at = a.findIndex((count, i) => count !== b[i]);
  return at === -1 ? 0 : a[at] - b[at];
}
