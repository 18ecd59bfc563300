import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { instructionsOf, readCallgrind } from '../bench/instructions/callgrind.js';
import {
  type Counts,
  changesBetween,
  changesTable,
  formatCounts,
  grows,
  notCompared,
  numberOfCounts,
} from '../bench/instructions/counts.js';
import { readDisassembly, shortName } from '../bench/instructions/disassembly.js';
import { distinctLoops, loopsOf } from '../bench/instructions/loop-counts.js';
import { innermostLoops } from '../bench/instructions/loops.js';
import { callCounts } from '../bench/instructions/take.js';

// Two calls; the first runs a kernel twice, which calls memcpy through a function that another calls too.
const callgrind = `# callgrind format
version: 1
creator: callgrind-3.19.0
cmd: ./instructions

part: 1

desc: Timerange: Basic block 0 - 10
desc: Trigger: --dump-after=void (anonymous namespace)::counted_call<X>(X const&)

positions: line
events: Ir
summary: 1000

ob=(1) /tmp/build/instructions
fl=(1) ???
fn=(1) void (anonymous namespace)::counted_call<X>(X const&)
0 10
cfn=(2) void (anonymous namespace)::gather_tokens<(anonymous namespace)::Avx2>(tsv::GatherTokens const&)
calls=2 0 
0 400

fn=(2)
0 100
+3 60
cfn=(3) (anonymous namespace)::copy_row(char*, char const*)
calls=4 0
* 240

fn=(3)
0 40
cob=(2) /lib/libc.so.6
cfi=(2) ???
cfn=(4) memcpy
calls=8 0 
0 360

fn=(5) (anonymous namespace)::other()
0 5
cfn=(3)
calls=4 0
0 160

ob=(2)
fl=(2)
fn=(4)
0 360

totals: 1000

part: 2

desc: Trigger: --dump-after=void (anonymous namespace)::counted_call<Y>(Y const&)
events: Ir

fl=(1) ???
ob=(1) /tmp/build/instructions
fn=(7) void (anonymous namespace)::counted_call<Y>(Y const&)
0 3
cfn=(8) void (anonymous namespace)::top_k<(anonymous namespace)::Avx2>(tsv::TopK const&)
calls=1 0
0 15

fn=(8)
0 15
cfn=(8)
calls=1 0
0 5

part: 3

desc: Trigger: Program termination
events: Ir
fn=(1) main
0 99
`;

describe('counts of callgrind', () => {
  it('are those of a function and what it calls, without what other libraries did', () => {
    const [part] = readCallgrind(callgrind);
    const counts = instructionsOf(part, 'instructions', (name) => shortName(name));
    // copy_row: 40 of its own, 360 of memcpy; its 240 from the kernel are a tenth its own
    assert.equal(counts.get('copy_row'), 40);
    assert.equal(counts.get('gather_tokens<Avx2>'), 100 + 60 + 24);
    assert.equal(counts.get('counted_call<X>'), 10 + 184);
    assert.equal(counts.get('memcpy'), undefined);
  });

  it('take the name of the call that the program printed, and end with recursion', () => {
    const printed = 'kernel\tgather_tokens\nkernel\ttop_k\navx2\tgatherTokens\navx2\ttopK\n';
    assert.deepEqual(callCounts(printed, callgrind, 'instructions'), {
      avx2: {
        gatherTokens: { gather_tokens: 184, 'the whole call': 194 },
        topK: { 'the whole call': 18, top_k: 15 },
      },
    });
  });

  it('miss no kernel of the list, and no call', () => {
    const printed = 'kernel\tgather_tokens\nkernel\tnew_kernel\navx2\tgatherTokens\navx2\ttopK\n';
    assert.throws(() => callCounts(printed, callgrind, 'instructions'), /reaches these kernels: new_kernel/);
    assert.throws(() => callCounts('avx2\ttopK\n', callgrind, 'instructions'), /2 calls, the program of 1/);
    assert.throws(() => readCallgrind('nothing'), /not a file of callgrind/);
  });
});

// A loop in a loop, whose inner one spills a register; a branch to a part that was laid outside; a jump back that is no
// loop.
const x86 = `
build/avx512.cc.o:     file format elf64-x86-64


Disassembly of section .text:

0000000000000000 <void (anonymous namespace)::tile<(anonymous namespace)::Avx512, 2, 1, false>(float const*, long)>:
   0:	push   %rbp
   1:	mov    %rsp,%rbp
   4:	xor    %eax,%eax
   6:	nopw   0x0(%rax,%rax,1)
  10:	xor    %ecx,%ecx
  18:	vmovups (%rdi,%rcx,4),%zmm1
  20:	vbroadcastss 0x4(%rsi,%rcx,4),%zmm2
  28:	vfmadd231ps %zmm1,%zmm2,%zmm3
  30:	vfmadd231ps (%rsi){1to16},%zmm2,%zmm4
  38:	vmovaps -0x50(%rbp),%zmm5
  40:	vmovaps %zmm5,0x40(%rdx)
  48:	prefetcht0 0x80(%rdi)
  50:	add    $0x10,%rcx
  54:	cmp    %rcx,-0x8(%rsp)
  58:	je     70 <void (anonymous namespace)::tile<(anonymous namespace)::Avx512, 2, 1, false>(float const*, long)+0x70>
  5a:	jmp    18 <void (anonymous namespace)::tile<(anonymous namespace)::Avx512, 2, 1, false>(float const*, long)+0x18>
  60:	pop    %rbp
  61:	ret
  70:	inc    %rax
  74:	cmp    %rax,%r8
  78:	jne    10 <void (anonymous namespace)::tile<(anonymous namespace)::Avx512, 2, 1, false>(float const*, long)+0x10>
  7a:	jmp    60 <void (anonymous namespace)::tile<(anonymous namespace)::Avx512, 2, 1, false>(float const*, long)+0x60>

00000000000000a0 <(anonymous namespace)::without_loop()>:
  a0:	call   b0 <(anonymous namespace)::without_loop()+0x10>
  a5:	ret
`;

const arm = `
0000000000000000 <void (anonymous namespace)::tile<(anonymous namespace)::Neon, 1, 1>(float const*)>:
   0:	stp	x29, x30, [sp, #-32]!
   4:	mov	x1, #0x0                   	// #0
   8:	ldr	q1, [x0], #16
   c:	ldp	q2, q5, [sp, #128]
  10:	ld1r	{v3.4s}, [x2]
  14:	fmla	v2.4s, v1.4s, v3.s[0]
  18:	ldr	q4, [x29, x1]
  1c:	str	q2, [sp, #112]
  20:	st1	{v4.4s}, [x3], #16
  24:	subs	x4, x4, #0x1
  28:	b.ne	8 <void (anonymous namespace)::tile<(anonymous namespace)::Neon, 1, 1>(float const*)+0x8>  // b.any
  2c:	ret
`;

describe('inner loops', () => {
  it('are found wherever the compiler laid them, for x86-64', () => {
    const [tile, other] = readDisassembly(x86);
    assert.equal(tile.name, 'tile<Avx512, 2, 1, false>');
    const [loop, ...rest] = innermostLoops(tile);
    assert.equal(rest.length, 0);
    assert.deepEqual([loop[0].address, loop.length], [0x18, 11]);
    // the comparison with what lies on the stack is a load, not a spilled vector
    assert.deepEqual(loopsOf(tile), [[11, 2, 2, 2, 1, 1]]);
    assert.deepEqual([other.name, innermostLoops(other)], ['without_loop', []]);
  });

  it('are found for 64-bit Arm, where x29 is a register like others unless it holds the frame', () => {
    const [tile] = readDisassembly(arm);
    assert.deepEqual(loopsOf(tile), [[9, 1, 2, 1, 1, 2]]);
    const [framed] = readDisassembly(arm.replace('mov	x1, #0x0', 'mov	x29, sp'));
    assert.deepEqual(loopsOf(framed), [[9, 1, 1, 1, 1, 3]]);
  });

  it('are kept once each, those with most multiply-adds first', () => {
    const loops = [
      [9, 0, 1, 0, 0, 0],
      [7, 2, 1, 0, 0, 0],
      [9, 0, 1, 0, 0, 0],
      [12, 0, 1, 0, 0, 0],
    ];
    assert.deepEqual(distinctLoops(loops), [loops[1], loops[3], loops[0]]);
  });
});

describe('short names', () => {
  it('have no namespace, result or parameters', () => {
    for (const [long, short] of [
      ['void (anonymous namespace)::f<(anonymous namespace)::V<2> >(tsv::A const&)', 'f<V<2>>'],
      ['(anonymous namespace)::PairSums<0>::similarity() const', 'PairSums<0>::similarity'],
      [
        'void (anonymous namespace)::E<(anonymous namespace)::V>::operator()<1>(int) const',
        'E<V>::operator()<1>',
      ],
      ['long (anonymous namespace)::cut<int>(long) [clone .part.0]', 'cut<int>'],
      ['void (anonymous namespace)::g<h(int)::{lambda(int)#1}>(long)', 'g<h(int)::{lambda(int)#1}>'],
      ['main', 'main'],
    ])
      assert.equal(shortName(long), short);
  });
});

describe('counts against those recorded', () => {
  const countsOf = (kernel: number, loop: readonly number[], more: Partial<Counts> = {}): Counts => ({
    compiler: 'gcc 12.2.0',
    calls: { avx2: { 'topK 8 of 9': { top_k: kernel } } },
    loops: { avx512: { 'tile<2>': [loop, [9, 0, 1, 0, 0, 0]] } },
    ...more,
  });
  const recorded = countsOf(1000, [40, 28, 2, 14, 0, 0]);

  it('say nothing where nothing changed', () => {
    assert.deepEqual(changesBetween(recorded, recorded), []);
    assert.equal(numberOfCounts(recorded), 3);
  });

  it('grow past 5 %, and no less', () => {
    const grown = (counts: Counts): number => changesBetween(recorded, counts).filter(grows).length;
    assert.equal(grown(countsOf(1050, [42, 28, 2, 14, 0, 0])), 0);
    assert.equal(grown(countsOf(1051, [40, 28, 2, 14, 0, 0])), 1);
    assert.equal(grown(countsOf(1000, [43, 28, 2, 14, 0, 1])), 1);
    assert.equal(grown(countsOf(500, [20, 28, 2, 14, 0, 0])), 0);
    const table = changesTable(changesBetween(recorded, countsOf(1060, [43, 28, 2, 14, 0, 1])));
    assert.match(table, /^GROWS +avx512 +loop 1 of tile<2>: spills 0 to 1 +40 +43 +\+7\.5 %$/m);
    assert.match(table, /^GROWS +avx2 +top_k, topK 8 of 9 +1000 +1060 +\+6\.0 %$/m);
  });

  it('are new or gone without having grown, and only loops that are surely the same are compared', () => {
    const changed: Counts = {
      compiler: 'gcc 12.2.0',
      calls: { avx2: { 'topK 9 of 10': { top_k: 1100 } } },
      loops: { avx512: { 'tile<2>': [[50, 28, 2, 14, 0, 0]], 'tile<3>': [[70, 0, 0, 0, 0, 0]] } },
    };
    const changes = changesBetween(recorded, changed);
    assert.deepEqual(
      changes.map((change) => [change.what, change.before, change.after, grows(change)]),
      [
        ['top_k, topK 8 of 9', 1000, undefined, false],
        ['top_k, topK 9 of 10', undefined, 1100, false],
        ['loop 1 of tile<2>', 40, 50, true],
        ['loop 1 of tile<3>', undefined, 70, false],
      ],
    );
    assert.match(changes[2].note, /2 kinds of loops, now 1/);
  });

  it('tell what only one side has', () => {
    const neon = { loops: { neon: { 'tile<2>': [[40, 0, 0, 0, 0, 0]] } } };
    const other = countsOf(1000, [], neon);
    assert.deepEqual(notCompared(recorded, other), ['loops of avx512', 'loops of neon']);
    assert.deepEqual(changesBetween(recorded, other), []);
  });

  it('are written as JSON, a function a line', () => {
    const text = formatCounts(recorded);
    const { loopColumns, ...rest } = JSON.parse(text);
    assert.deepEqual(rest, recorded);
    assert.equal(loopColumns[0], 'instructions');
    assert.ok(text.split('\n').includes('      "tile<2>": [[40,28,2,14,0,0],[9,0,1,0,0,0]]'));
  });
});
