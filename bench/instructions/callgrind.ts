// Reads what callgrind wrote: https://valgrind.org/docs/manual/cl-format.html. Of one file with several parts, a part
// for each call of native/bench/instructions.cc.

/** A function of one part: what its own instructions cost, and what its calls cost all in all. */
interface Function {
  readonly name: string;
  readonly object: string;
  self: number;
  readonly calls: Map<Function, number>;
}

/** What ran between two dumps. */
export interface Part {
  /** What made callgrind write it. */
  readonly trigger: string;
  readonly functions: readonly Function[];
}

/** Names are written once, and then as numbers: `(12) name`, `(12)`. */
class Names {
  readonly #byNumber = new Map<string, string>();

  read(text: string): string {
    const [, number, name] = /^(\(\d+\))? ?(.*)$/.exec(text) as RegExpExecArray;
    if (number === undefined) return name;
    if (name !== '') this.#byNumber.set(number, name);
    return this.#byNumber.get(number) ?? number;
  }
}

class PartReader {
  readonly #functionNames = new Names();
  readonly #objectNames = new Names();
  readonly #functions = new Map<string, Function>();
  #trigger = '';
  #object = '';
  #current: Function | undefined;
  #calledObject: string | undefined;
  #called: Function | undefined;
  #isCost = false;

  #function(object: string, name: string): Function {
    const key = `${object}\n${name}`;
    let found = this.#functions.get(key);
    if (found === undefined) {
      found = { name, object, self: 0, calls: new Map() };
      this.#functions.set(key, found);
    }
    return found;
  }

  line(line: string): void {
    const [, key, value] = /^(\w+)[=:] ?(.*)$/.exec(line) ?? [];
    if (key === 'desc' && value.startsWith('Trigger: ')) this.#trigger = value.slice('Trigger: '.length);
    else if (key === 'ob') this.#object = this.#objectNames.read(value);
    else if (key === 'fn') this.#current = this.#function(this.#object, this.#functionNames.read(value));
    else if (key === 'cob') this.#calledObject = this.#objectNames.read(value);
    else if (key === 'cfn')
      this.#called = this.#function(this.#calledObject ?? this.#object, this.#functionNames.read(value));
    else if (key === 'calls') this.#isCost = true;
    else if (key === undefined) this.#cost(line);
  }

  /** `<line> <instructions>`: the function's own, or after `calls=` those of the call. */
  #cost(line: string): void {
    const [, text] = /^[-+*\d]\S* (\d+)$/.exec(line) ?? [];
    if (text === undefined || this.#current === undefined) return;
    const cost = Number(text);
    if (this.#isCost && this.#called !== undefined) {
      const { calls } = this.#current;
      calls.set(this.#called, (calls.get(this.#called) ?? 0) + cost);
    } else {
      this.#current.self += cost;
    }
    this.#isCost = false;
    this.#called = undefined;
    this.#calledObject = undefined;
  }

  part(): Part {
    return { trigger: this.#trigger, functions: [...this.#functions.values()] };
  }
}

export function readCallgrind(text: string): Part[] {
  const [head, ...parts] = text.split(/^part: \d+$/m);
  if (!head.includes('# callgrind format')) throw new Error('not a file of callgrind');
  return parts.map((part) => {
    const reader = new PartReader();
    for (const line of part.split('\n')) reader.line(line);
    return reader.part();
  });
}

/**
 * Instructions of the functions that `wanted` names, by the name it gives, with all that they call in the same
 * program. What they call in shared libraries is left out: those choose their own code for each processor. Where a
 * function that calls such is called from several, each gets its share.
 */
export function instructionsOf(
  { functions }: Part,
  program: string,
  wanted: (name: string) => string | undefined,
): Map<string, number> {
  const costs = new Map<Function, { own: number; all: number } | 'recursive'>();
  const costOf = (called: Function): { own: number; all: number } => {
    const known = costs.get(called);
    if (known === 'recursive') return { own: 0, all: 0 };
    if (known !== undefined) return known;
    costs.set(called, 'recursive');
    const cost = { own: called.self, all: called.self };
    for (const [next, inclusive] of called.calls) {
      const { own, all } = costOf(next);
      if (all === 0) continue;
      cost.own += inclusive * (own / all);
      cost.all += inclusive;
    }
    if (!called.object.endsWith(program)) cost.own = 0;
    costs.set(called, cost);
    return cost;
  };
  const counts = new Map<string, number>();
  for (const candidate of functions) {
    const name = candidate.object.endsWith(program) ? wanted(candidate.name) : undefined;
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + Math.round(costOf(candidate).own));
  }
  return counts;
}
