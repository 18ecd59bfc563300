/** The report's CSS. Every colour is a variable with a light and a dark value; chart and table share them. */
export const style = `
:root {
  --page: #fbfbfa; --card: #fff; --ink: #1c1b19; --soft: #5d5b56; --faint: #8d8b85; --line: #e4e2dc; --tint: #2a6fc9;
  --attention: #2467c4; --valueWeighted: #0b8069; --keyNorm: #a36a00; --evit: #7a45c9; --tome: #cc4320; --tomeUnsized: #b0307a;
  --random: #6b6964; --inverse: #6b6964;
  --g0: #cc4320; --g1: #2467c4; --g2: #0b8069; --g3: #7a45c9; --g4: #a36a00; --g5: #b0307a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #161614; --card: #1f1f1c; --ink: #f0efeb; --soft: #b3b1aa; --faint: #83817a; --line: #35342f; --tint: #5b9df0;
    --attention: #66a3f2; --valueWeighted: #35b99a; --keyNorm: #dba63c; --evit: #b08cf3; --tome: #f2805f; --tomeUnsized: #e87ab6;
    --random: #a3a19a; --inverse: #a3a19a;
    --g0: #f2805f; --g1: #66a3f2; --g2: #35b99a; --g3: #b08cf3; --g4: #dba63c; --g5: #e87ab6;
  }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif }
header, main { max-width: 1080px; margin: 0 auto; padding: 0 24px }
header { padding-top: 44px }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 12px; text-wrap: balance }
h2 { font-size: 20px; letter-spacing: -.01em; margin: 0 0 8px }
h3 { font-size: 15.5px; line-height: 1.4; margin: 0 }
p { margin: 0 0 12px; max-width: 76ch }
.lead { font-size: 16.5px; color: var(--soft) }
.machine, figcaption, .source, .notes { color: var(--soft); font-size: 13.5px }
section { margin: 44px 0 }
.scroll { overflow-x: auto }

.attention { --hue: var(--attention) } .valueWeighted { --hue: var(--valueWeighted) }
.keyNorm { --hue: var(--keyNorm) } .evit { --hue: var(--evit) } .tome { --hue: var(--tome) }
.tomeUnsized { --hue: var(--tomeUnsized) } .random { --hue: var(--random) } .inverse { --hue: var(--inverse) } .none { --hue: var(--ink) }

.legend { display: flex; flex-wrap: wrap; gap: 8px 28px; align-items: baseline; margin-bottom: 14px }
.tabs > input { position: absolute; opacity: 0 }
.tabs > label { display: inline-block; padding: 5px 14px; margin: 0 6px 14px 0; border: 1px solid var(--line);
  border-radius: 99px; color: var(--soft); cursor: pointer; font-size: 14px }
.tabs > input:checked + label { background: var(--ink); border-color: var(--ink); color: var(--page) }
.tabs > input:focus-visible + label { outline: 2px solid var(--tint); outline-offset: 2px }
.strips { display: none }
#keep-75:checked ~ .cards .at-keep-75, #keep-50:checked ~ .cards .at-keep-50,
#keep-25:checked ~ .cards .at-keep-25 { display: table }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px 10px; margin-bottom: 14px }
.source { margin: 2px 0 8px }
.strips { width: 100%; border-collapse: collapse }
.strips th { width: 172px; text-align: left; font-weight: 500; font-size: 13.5px; color: var(--hue); padding: 5px 12px 5px 0; vertical-align: top; white-space: nowrap }
.strips td { padding: 4px 0; vertical-align: top }
.strips td:last-child { width: 112px; text-align: right; white-space: nowrap; padding-left: 12px }
.strips tr + tr > * { border-top: 1px solid color-mix(in srgb, var(--line) 60%, transparent) }
.verdict { font-size: 13px; font-variant-numeric: tabular-nums; color: var(--soft) }
.verdict.wrong { color: var(--tome); font-weight: 600 }
.verdict.wrong::before { content: "\\2717\\00a0" }

.strip { display: inline-flex; flex-wrap: wrap; row-gap: 4px }
.token { --shade: color-mix(in srgb, var(--tint) calc(4% + 40% * var(--score, 0)), transparent);
  background: var(--shade); padding: 0 3px; font-size: 14px; line-height: 22px; border-bottom: 3px solid transparent }
.token.word { margin-left: 5px }
.token.gone { color: var(--faint); text-decoration: line-through; text-decoration-thickness: 1.5px; background: none }
.token.merged { border-bottom-color: var(--group); background: color-mix(in srgb, var(--group) 13%, transparent) }
.token.joined { margin-left: 0; padding-left: 6px }
.token sub { font-size: 9.5px; line-height: 0; color: var(--group); font-weight: 700; margin-left: 1px }
.group-0 { --group: var(--g0) } .group-1 { --group: var(--g1) } .group-2 { --group: var(--g2) }
.group-3 { --group: var(--g3) } .group-4 { --group: var(--g4) } .group-5 { --group: var(--g5) }

figure { margin: 18px 0 }
.chart { width: 100%; height: auto; display: block; font-size: 12.5px }
.chart text { fill: var(--soft) }
.grid { stroke: var(--line); stroke-width: 1 }
.baseline { stroke: var(--faint); stroke-width: 1 }
.tick { font-variant-numeric: tabular-nums }
.reference { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 2 4 }
.line { fill: none; stroke: var(--hue); stroke-width: 1.75; opacity: .6 }
.line.random, .line.inverse { stroke-dasharray: 5 4 }
.interval { stroke: var(--hue); stroke-width: 1.5; opacity: .75 }
.marker { fill: var(--hue); stroke: var(--page); stroke-width: 1.5 }
.marker.open { fill: none; stroke: var(--hue); stroke-width: 2.25 }
.leader { fill: none; stroke: var(--hue); stroke-width: .75; opacity: .55 }
.chart .name { fill: var(--hue); font-weight: 600; font-size: 13px }
.findings { margin: 0 0 18px; padding-left: 20px; max-width: 82ch }
.findings li { margin: 3px 0 }

.results { width: 100%; border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; white-space: nowrap }
.results th, .results td { padding: 4px 12px 4px 0; font-weight: 400 }
.results thead th { color: var(--soft); border-bottom: 1px solid var(--faint); font-size: 12.5px; vertical-align: bottom }
.results tbody th { color: var(--hue); font-weight: 600 }
.results tr.first > * { border-top: 1px solid var(--line) }
.left { text-align: left } .right { text-align: right }
.results .costs { color: var(--tome) }
.results small { color: var(--faint); display: inline-block; min-width: 34px }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; max-width: 92ch }
dt { color: var(--hue); font-weight: 600 } dd { margin: 0 }
@media (max-width: 640px) {
  .strips th { width: 96px; white-space: normal } .strips td:last-child { width: 84px }
  dl { grid-template-columns: 1fr } dd { margin-bottom: 6px }
}
`;
