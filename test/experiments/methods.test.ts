import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluate } from '../../experiments/demo/evaluate.js';
import { describeAccuracy, describeLatency, describeTime } from '../../experiments/demo/findings.js';
import { measureLatency } from '../../experiments/demo/latency.js';
import { attentionPrune, methods, toMe, unreduced } from '../../experiments/demo/methods.js';
import { formatLatency, formatTable } from '../../experiments/demo/table.js';
import { modelDirectory } from '../../experiments/packages.js';
import { attendFirst, finish, loadUseLite } from '../../experiments/runner/use-lite.js';

const model = loadUseLite(modelDirectory());
const encode = (text: string) => model.tokenizer.encode(text);
const texts = [
  'The plot was dull and the acting worse, I left early.',
  'A film with heart, wit and a score I still hum today.',
].map((text) => ({
  ids: encode(text).ids.subarray(0, 12),
  positions: encode(text).positions.subarray(0, 12),
}));

describe('the methods', () => {
  for (const method of methods) {
    it(`${method.name} keeps its part of the tokens and gives a text the same alone and in a batch`, () => {
      const batch = attendFirst(model, texts);
      for (const [keep, kept] of [
        [0.75, 9],
        [0.5, 6],
        [0.25, 3],
      ]) {
        const reduction = method.reduce(batch, keep, 7);
        const summary = method.key === 'evit' ? 1 : 0;
        assert.deepEqual(reduction.hidden.dims, [2, kept + summary, 512]);
        assert.equal(reduction.map?.inputLength, 12);
        const together = finish(model, reduction).data;
        const alone = finish(model, method.reduce(attendFirst(model, [texts[0]]), keep, 7)).data;
        assert.deepEqual(together.slice(0, 512), alone);
      }
    });
  }

  it('random draws differently for another seed', () => {
    const random = methods.find(({ seeds }) => seeds.length > 1);
    const state = attendFirst(model, texts);
    const kept = (seed: number) => Array.from(random?.reduce(state, 0.5, seed).map?.members ?? []).join();
    assert.equal(kept(1), kept(1));
    assert.notEqual(kept(1), kept(2));
  });

  it('ToMe merges every token into some slot, and its sizes say how many', () => {
    const { map, sizes } = toMe.reduce(attendFirst(model, texts), 0.25, 0);
    assert.equal(map?.isPartition, true);
    assert.equal(map?.members.length, 24);
    assert.deepEqual(sizes?.data, map?.sizes());
  });
});

describe('an evaluation', () => {
  const sentences = [
    'good phone',
    'bad phone',
    'I love it',
    'I hate it',
    'great food',
    'awful food',
    'so nice',
    'so sad',
  ];
  const examples = [...sentences, ...sentences].map((text, i) => ({
    text,
    label: i % 2 === 0 ? (1 as const) : (0 as const),
    source: 'yelp',
    tokens: encode(text),
  }));
  const evaluation = evaluate(
    model,
    examples,
    Int32Array.from(examples.keys()),
    [attentionPrune],
    [0.5],
    () => () => {},
  );

  it('compares each method with the unreduced model', () => {
    const [full, half] = evaluation.results;
    assert.equal(full.method, unreduced);
    assert.ok(Math.abs(full.cosine - 1) < 1e-6);
    assert.ok(half.tokensAfter < full.tokensAfter && half.flops < full.flops);
    assert.ok(half.cosine < 1 && half.difference !== undefined);
    assert.ok(half.reducingShare > 0 && half.reducingShare < 1);
  });

  it('is told in a table and in sentences', () => {
    const table = formatTable(evaluation.results).split('\n');
    assert.match(table[2], /^none +1\.00/);
    assert.match(table[4], /^attention received +0\.50/);
    assert.equal(describeTime(evaluation).length, 3);
  });

  it('times single texts', () => {
    const long = [{ ...examples[0], tokens: texts[0] }];
    const latencies = measureLatency(model, long, [4, 12], [unreduced, attentionPrune], 0.5);
    assert.equal(latencies.length, 4);
    assert.equal(latencies[0].speedup, 1);
    assert.match(formatLatency(latencies), /attention received/);
    assert.equal(describeLatency(latencies).length, 1);
  });

  it('names the methods that chance equals', () => {
    const random = methods.filter(({ control }) => control);
    const judged = evaluate(
      model,
      examples,
      Int32Array.from(examples.keys()),
      [attentionPrune, ...random],
      [1],
      () => () => {},
    );
    const [finding] = describeAccuracy(judged);
    assert.match(finding, /No better than a control: attention received\./);
  });
});
