/**
 * The page's CSS. Colours are those of Okabe and Ito, which people of every colour vision tell apart, darkened for
 * light pages and lightened for dark ones; markers and names say the same again.
 */
export const style = `
:root {
  --page: #fbfbfa; --ink: #1c1b19; --soft: #5d5b56; --faint: #8d8b85; --line: #e4e2dc; --missed: #b8430a; --met: #00704f;
  --h0: #0072b2; --h1: #c95100; --h2: #00815f; --h3: #a8478a; --h4: #8a6500; --h5: #55534e; --h6: #2a88b8;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #161614; --ink: #f0efeb; --soft: #b3b1aa; --faint: #83817a; --line: #35342f; --missed: #ff8a52; --met: #3cc79c;
    --h0: #59a9e2; --h1: #f08445; --h2: #2fbf95; --h3: #dd8fc4; --h4: #e2b13c; --h5: #b5b3ac; --h6: #8ccdf2;
  }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif }
header, main { max-width: 1080px; margin: 0 auto; padding: 0 24px }
header { padding-top: 44px }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 12px }
h2 { font-size: 20px; letter-spacing: -.01em; margin: 0 0 8px }
p { margin: 0 0 12px; max-width: 80ch }
.lead { font-size: 16.5px; color: var(--soft) }
.machine, figcaption { color: var(--soft); font-size: 13.5px }
figcaption { max-width: 92ch }
section { margin: 44px 0 }
figure { margin: 18px 0 30px }
.scroll { overflow-x: auto }
.chart { width: 100%; height: auto; display: block; font-size: 12.5px }
.chart text { fill: var(--soft) }
.grid { stroke: var(--line); stroke-width: 1 }
.roofline { stroke: var(--ink); stroke-width: 1.5 }
.tick, .value { font-variant-numeric: tabular-nums }
.line { fill: none; stroke: var(--hue); stroke-width: 2 }
.ceiling { fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 6 3 }
.roof { --hue: var(--ink) }
.marker { fill: var(--hue); stroke: var(--page); stroke-width: 1 }
.marker.open { fill: none; stroke: var(--hue); stroke-width: 2.25 }
.leader { fill: none; stroke: var(--hue); stroke-width: .75; opacity: .6 }
.chart .name { fill: var(--hue) }
.bar { fill: var(--hue) }
.chart .value { font-size: 10px }
.chart .job { font-size: 12px }
.goal { stroke: var(--ink); stroke-width: 2 }
${[0, 1, 2, 3, 4, 5, 6].map((i) => `.hue-${i} { --hue: var(--h${i}) }`).join(' ')}
details { margin-top: 8px; font-size: 13.5px }
summary { cursor: pointer; color: var(--soft) }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; white-space: nowrap; margin-top: 8px }
th, td { text-align: left; padding: 3px 16px 3px 0; font-weight: 400; border-bottom: 1px solid var(--line); vertical-align: top }
thead th { color: var(--soft) }
.right { text-align: right }
.met { color: var(--met) } .missed { color: var(--missed); font-weight: 600 }
.note { white-space: normal; max-width: 60ch; color: var(--soft) }
@media print {
  header, main { max-width: none; padding: 0 }
  section, figure { break-inside: avoid-page }
  .chart { max-height: 24cm }
}
`;
