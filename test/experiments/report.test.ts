import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accuracyChart } from '../../experiments/demo/chart.js';
import { tokenStrip } from '../../experiments/demo/token-strip.js';

describe('tokenStrip', () => {
  const pieces = ['\u2581not', '\u2581<b>', 'ad', '\u2581film'];

  it('strikes out what no slot holds, and escapes', () => {
    const strip = tokenStrip({ pieces, scores: Float32Array.of(3, 1, 2, 9), slots: [[0], [3]] });
    assert.match(strip, /class="token gone word"|class="token word gone"/);
    assert.match(strip, /&lt;b&gt;/);
    assert.doesNotMatch(strip, /<b>/);
    assert.equal(strip.match(/gone/g)?.length, 2);
  });

  it('shades by the order of the scores', () => {
    const strip = tokenStrip({ pieces, scores: Float32Array.of(3, 1, 2, 900), slots: [[0], [1], [2], [3]] });
    const shades = Array.from(strip.matchAll(/--score:([\d.]+)/g), ([, shade]) => Number(shade));
    assert.deepEqual(shades, [0.67, 0, 0.33, 1]);
  });

  it('numbers merged tokens once a slot and joins neighbours', () => {
    const strip = tokenStrip({
      pieces,
      slots: [
        [0, 3],
        [1, 2],
      ],
    });
    assert.deepEqual(
      Array.from(strip.matchAll(/<sub>(\d)<\/sub>/g), ([, group]) => group),
      ['1', '2'],
    );
    assert.equal(strip.match(/joined/g)?.length, 1);
    assert.doesNotMatch(strip, /--score/);
  });
});

describe('accuracyChart', () => {
  it('draws each series with its intervals, inside the picture, and keeps names apart', () => {
    const point = (tokens: number, estimate: number) => ({
      tokens,
      estimate,
      low: estimate - 1,
      high: estimate + 1,
      label: `at ${tokens}`,
    });
    const series = ['one & all', 'two', 'three'].map((name) => ({
      name,
      key: 'attention',
      marker: 'circle' as const,
      points: [point(12, 85), point(8, 80), point(4, 70)],
    }));
    const svg = accuracyChart(series, point(16, 88), 'a title');
    assert.equal(svg.match(/class="interval"/g)?.length, 9);
    assert.match(svg, /one &amp; all/);
    const [, , width, height] = (svg.match(/viewBox="(\S+) (\S+) (\S+) (\S+)"/) ?? []).slice(1).map(Number);
    for (const [, value] of svg.matchAll(/\bx[12]?="([-\d.]+)"/g)) assert.ok(Number(value) <= width, value);
    for (const [, value] of svg.matchAll(/\by[12]="([-\d.]+)"/g))
      assert.ok(Number(value) >= 0 && Number(value) <= height, value);
    const names = Array.from(svg.matchAll(/class="name" x="\S+" y="(\S+)"/g), ([, y]) => Number(y)).sort(
      (a, b) => a - b,
    );
    for (let i = 1; i < names.length; i++) assert.ok(names[i] - names[i - 1] >= 12);
  });
});
