// Reads what objdump prints: `objdump --disassemble --demangle --no-show-raw-insn`, of x86-64 or 64-bit Arm.

export interface Instruction {
  readonly address: number;
  readonly mnemonic: string;
  readonly operands: string;
}

export interface DisassembledFunction {
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

export function readDisassembly(text: string): DisassembledFunction[] {
  const functions: { name: string; instructions: Instruction[] }[] = [];
  for (const line of text.split('\n')) {
    const [, heading] = /^[0-9a-f]+ <(.*)>:$/.exec(line) ?? [];
    if (heading !== undefined) functions.push({ name: shortName(heading), instructions: [] });
    const [, address, mnemonic, operands] =
      /^ +([0-9a-f]+):\t(?:(?:notrack|bnd|data16|cs|lock|repz?|repnz) )*(\S+)\s*(.*)$/.exec(line) ?? [];
    if (address === undefined) continue;
    const instruction = {
      address: Number.parseInt(address, 16),
      mnemonic,
      operands: plain(operands),
    };
    functions.at(-1)?.instructions.push(instruction);
  }
  return functions;
}

/** Without the name of the address that a jump goes to, and without a comment. */
const plain = (operands: string): string => operands.replace(/\s+(<|# |\/\/ ).*$/, '').trim();

/** A demangled name without its namespaces, what it returns, and its parameters. */
export function shortName(demangled: string): string {
  const name = demangled
    .replaceAll('(anonymous namespace)::', '')
    .replaceAll('tsv::', '')
    .replaceAll('> >', '>>')
    .replace(/ \[clone .*\]$/, '');
  let depth = 0;
  let start = 0;
  for (let i = 0; i < name.length; i++) {
    const isOperator = name.startsWith('operator()', i);
    if (isOperator) i += 'operator()'.length;
    if ('<{['.includes(name[i])) depth++;
    else if ('>}]'.includes(name[i])) depth--;
    else if (depth === 0 && name[i] === ' ') start = i + 1;
    else if (depth === 0 && name[i] === '(') return name.slice(start, i);
  }
  return name;
}
