// What an application does with the installed package, checked against plain float64 loops. Runs wherever there is
// `require` or `import`: use.cjs and use.mjs hand it the package.
const assert = require('node:assert/strict');

const heads = 2;
const tokens = 37;
const channels = 20;
const keep = 8;
const merged = 9;

function tensor(dims, seed) {
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
  let state = seed;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state / 2 ** 31 - 1;
  }
  return { type: 'float32', dims, data };
}

function dot(a, i, b, j) {
  let sum = 0;
  for (let c = 0; c < channels; c++) sum += a[i * channels + c] * b[j * channels + c];
  return sum;
}

function assertClose(actual, expected, what) {
  assert.ok(
    Math.abs(actual - expected) <= 1e-5 * (1 + Math.abs(expected)),
    `${what}: ${actual}, ${expected}`,
  );
}

/** The attention that each key receives, the mean over queries and heads. */
function receivedAttention(q, k) {
  const received = new Float64Array(tokens);
  for (let row = 0; row < heads * tokens; row++) {
    const head = Math.floor(row / tokens);
    const weights = Array.from({ length: tokens }, (_, j) =>
      Math.exp(dot(q, row, k, head * tokens + j) / Math.sqrt(channels)),
    );
    const sum = weights.reduce((a, b) => a + b);
    for (let j = 0; j < tokens; j++) received[j] += weights[j] / sum / (heads * tokens);
  }
  return received;
}

async function score({ attentionScoresSync, topK }) {
  const q = tensor([1, heads, tokens, channels], 1);
  const k = tensor([1, heads, tokens, channels], 2);
  const { scores } = attentionScoresSync(q, k);
  const expected = receivedAttention(q.data, k.data);
  for (let j = 0; j < tokens; j++)
    assertClose(scores.data[j], expected[j], `attention that key ${j} receives`);

  const { indices } = await topK(scores, keep);
  const best = [...scores.data.keys()]
    .sort((a, b) => scores.data[b] - scores.data[a] || a - b)
    .slice(0, keep);
  assert.deepEqual(
    [...indices.data],
    best.sort((a, b) => a - b),
  );
  return { scores, kept: [...indices.data] };
}

async function merge({ bipartiteMatch, mergeTokens, restoreTokensSync }) {
  const x = tensor([1, tokens, channels], 3);
  const map = await bipartiteMatch(x, { r: merged });
  assert.deepEqual([...map.outputLengths], [tokens - merged]);

  const { tokens: fewer, sizes } = await mergeTokens(x, map);
  const members = Array.from({ length: tokens - merged }, () => []);
  for (let i = 0; i < tokens; i++) members[map.assignment[i]].push(i);
  for (const [slot, of] of members.entries()) {
    assert.equal(sizes.data[slot], of.length);
    for (let c = 0; c < channels; c++) {
      const mean = of.reduce((sum, i) => sum + x.data[i * channels + c], 0) / of.length;
      assertClose(fewer.data[slot * channels + c], mean, `channel ${c} of merged token ${slot}`);
    }
    // Only even tokens were merged away, each into the odd token whose cosine with it is greatest.
    const norm = (i) => Math.sqrt(dot(x.data, i, x.data, i));
    const cosine = (i, j) => dot(x.data, i, x.data, j) / norm(i) / norm(j);
    for (const i of of.length > 1 ? of.filter((i) => i % 2 === 0) : []) {
      const destination = of.find((j) => j % 2 === 1);
      for (let j = 1; j < tokens; j += 2) assert.ok(cosine(i, destination) >= cosine(i, j) - 1e-6);
    }
  }

  const restored = restoreTokensSync(fewer, map);
  assert.deepEqual(restored.dims, x.dims);
  for (let i = 0; i < tokens * channels; i++) {
    const slot = map.assignment[Math.floor(i / channels)];
    assert.equal(restored.data[i], fewer.data[slot * channels + (i % channels)]);
  }
  return [...map.assignment];
}

async function fail({ tokenNormsSync, topK }, scores) {
  assert.throws(() => tokenNormsSync(5), { name: 'TypeError', code: 'ERR_TOKENSIEVE_TYPE' });
  await assert.rejects(topK(scores, tokens + 1), { name: 'RangeError', code: 'ERR_TOKENSIEVE_RANGE' });
}

/** Prints the instruction set that ran and what was decided, as one line of JSON. */
module.exports = async function program(tokensieve) {
  const { scores, kept } = await score(tokensieve);
  const assignment = await merge(tokensieve);
  await fail(tokensieve, scores);
  const { isa, binary } = tokensieve.info();
  console.log(JSON.stringify({ isa, binary, kept, assignment }));
};
