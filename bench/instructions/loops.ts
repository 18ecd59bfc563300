// The innermost loops of a function, found in its control flow, wherever the compiler laid their parts.
import type { DisassembledFunction, Instruction } from './disassembly.js';

interface Block {
  readonly instructions: Instruction[];
  readonly successors: Block[];
}

/** Of each innermost loop its instructions, in the order of their addresses. */
export function innermostLoops({ instructions }: DisassembledFunction): Instruction[][] {
  return innermostCycles(blocksOf(instructions))
    .map((blocks) => blocks.flatMap((block) => block.instructions).sort((a, b) => a.address - b.address))
    .sort(([a], [b]) => a.address - b.address);
}

const jump = /^(j\w+|b|b\.\w+|bc\.\w+|cbn?z|tbn?z)$/;
const end = /^(jmp|ret|b|br|ud2|hlt|udf|brk)$/;

/** The address that an instruction may go on at, besides the next one. */
function targetOf({ mnemonic, operands }: Instruction): number | undefined {
  if (!jump.test(mnemonic)) return undefined;
  const [, target] = /(?:^|, )([0-9a-f]+)$/.exec(operands) ?? [];
  return target === undefined ? undefined : Number.parseInt(target, 16);
}

function blocksOf(instructions: readonly Instruction[]): Block[] {
  const targets = new Set(instructions.map(targetOf));
  const blocks: Block[] = [];
  const byAddress = new Map<number, Block>();
  let current: Block | undefined;
  for (const instruction of instructions) {
    if (current === undefined || targets.has(instruction.address)) {
      current = { instructions: [], successors: [] };
      blocks.push(current);
      byAddress.set(instruction.address, current);
    }
    current.instructions.push(instruction);
    if (jump.test(instruction.mnemonic) || end.test(instruction.mnemonic)) current = undefined;
  }
  blocks.forEach((block, i) => {
    const last = block.instructions[block.instructions.length - 1];
    const target = byAddress.get(targetOf(last) ?? -1);
    if (target !== undefined) block.successors.push(target);
    if (!end.test(last.mnemonic) && i + 1 < blocks.length) block.successors.push(blocks[i + 1]);
  });
  return blocks;
}

/**
 * A cycle of blocks without the jumps back to its entries either falls apart, and was an innermost loop, or has cycles
 * left, which are loops inside (Steensgaard, 1993).
 */
function innermostCycles(blocks: readonly Block[]): Block[][] {
  const search = (among: ReadonlySet<Block>, removed: ReadonlySet<Block>): Block[][] =>
    cyclesOf(among, removed).flatMap((cycle) => {
      const inside = new Set(cycle);
      const entries = new Set(
        blocks
          .filter((block) => !inside.has(block))
          .flatMap(({ successors }) => successors.filter((next) => inside.has(next))),
      );
      if (entries.size === 0) entries.add(cycle[0]);
      const deeper = search(inside, new Set([...removed, ...entries]));
      return deeper.length > 0 ? deeper : [cycle];
    });
  return search(new Set(blocks), new Set());
}

/**
 * The strongly connected components with a cycle, by Tarjan's algorithm, with jumps to `removed` blocks left out; the
 * blocks of each in the order in which they are laid.
 */
function cyclesOf(among: ReadonlySet<Block>, removed: ReadonlySet<Block>): Block[][] {
  const order = new Map<Block, number>();
  const lowest = new Map<Block, number>();
  const stack: Block[] = [];
  const pending = new Set<Block>();
  const cycles: Block[][] = [];
  const next = (block: Block): Block[] =>
    block.successors.filter((successor) => among.has(successor) && !removed.has(successor));

  const enter = (block: Block): { block: Block; left: Block[] } => {
    order.set(block, order.size);
    lowest.set(block, order.get(block)!);
    stack.push(block);
    pending.add(block);
    return { block, left: next(block) };
  };
  const lower = (block: Block, to: number): void => {
    lowest.set(block, Math.min(lowest.get(block)!, to));
  };
  const leave = (block: Block): void => {
    if (lowest.get(block) !== order.get(block)) return;
    const component = stack.splice(stack.indexOf(block));
    for (const member of component) pending.delete(member);
    if (component.length > 1 || next(block).includes(block)) cycles.push(component);
  };

  for (const root of among) {
    if (order.has(root)) continue;
    const path = [enter(root)]; // a stack of its own: control flow is deeper than JavaScript's
    while (path.length > 0) {
      const { block, left } = path[path.length - 1];
      const successor = left.pop();
      if (successor === undefined) {
        path.pop();
        leave(block);
        if (path.length > 0) lower(path[path.length - 1].block, lowest.get(block)!);
      } else if (!order.has(successor)) {
        path.push(enter(successor));
      } else if (pending.has(successor)) {
        lower(block, order.get(successor)!);
      }
    }
  }
  return cycles;
}
