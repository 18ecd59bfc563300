import { method as algm } from './algm.js';
import { method as ats } from './ats.js';
import { method as avit } from './avit.js';
import { method as cdPruner } from './cd-pruner.js';
import { method as crossget } from './crossget.js';
import { method as cts } from './cts.js';
import { method as dart } from './dart.js';
import { method as diffrate } from './diffrate.js';
import { method as divPrune } from './div-prune.js';
import { method as dpcKnn } from './dpc-knn.js';
import { method as dtem } from './dtem.js';
import { method as dycoke } from './dycoke.js';
import { method as dymu } from './dymu.js';
import { method as dynamicVit } from './dynamic-vit.js';
import { method as evit } from './evit.js';
import { method as evs } from './evs.js';
import { method as fasterVlm } from './faster-vlm.js';
import { method as fastv } from './fastv.js';
import { method as frameFusion } from './frame-fusion.js';
import { method as hiPrune } from './hi-prune.js';
import { method as holov } from './holov.js';
import { method as ltmp } from './ltmp.js';
import { method as mctf } from './mctf.js';
import type { Method } from './method.js';
import { method as pact } from './pact.js';
import { method as pitome } from './pitome.js';
import { method as pruMerge } from './pru-merge.js';
import { method as pruMergePlus } from './pru-merge-plus.js';
import { method as pruneVid } from './prune-vid.js';
import { method as pyramidDrop } from './pyramid-drop.js';
import { method as sparseVlm } from './sparse-vlm.js';
import { method as tofu } from './tofu.js';
import { method as tome } from './tome.js';
import { method as tomesd } from './tomesd.js';
import { method as topKPrune } from './top-k-prune.js';
import { method as trim } from './trim.js';
import { method as vidCom2 } from './vid-com2.js';
import { method as visPruner } from './vis-pruner.js';
import { method as visionZip } from './vision-zip.js';
import { method as vscan } from './vscan.js';

export { type AlgmOptions, algm } from './algm.js';
export { type AtsOptions, ats } from './ats.js';
export { type AvitOptions, type AvitReduction, avit } from './avit.js';
export { type CdPrunerOptions, cdPruner } from './cd-pruner.js';
export { type CrossgetOptions, crossget } from './crossget.js';
export { type CtsOptions, cts } from './cts.js';
export { type DartOptions, dart } from './dart.js';
export { type DiffrateOptions, diffrate } from './diffrate.js';
export { type DivPruneOptions, divPrune } from './div-prune.js';
export { type DpcKnnOptions, dpcKnn } from './dpc-knn.js';
export { type DtemOptions, dtem } from './dtem.js';
export { type DycokeOptions, dycoke } from './dycoke.js';
export { type DymuOptions, dymu } from './dymu.js';
export { type DymuThresholdOptions, dymuThreshold, dymuThresholdSync } from './dymu-threshold.js';
export { type DynamicVitOptions, dynamicVit } from './dynamic-vit.js';
export type { EncoderAttentionOptions } from './encoder-attention.js';
export { type EvitOptions, evit } from './evit.js';
export { type EvsOptions, evs } from './evs.js';
export { type FasterVlmOptions, fasterVlm } from './faster-vlm.js';
export { type FastvOptions, fastv } from './fastv.js';
export { type FrameFusionOptions, frameFusion } from './frame-fusion.js';
export { type HiPruneOptions, hiPrune } from './hi-prune.js';
export { type HolovOptions, holov } from './holov.js';
export { type LtmpOptions, ltmp } from './ltmp.js';
export { type MctfOptions, mctf } from './mctf.js';
export { type CountedRow, type Method, type MethodOptions, methodGroups, type Reference } from './method.js';
export { type PactOptions, pact } from './pact.js';
export { type PitomeOptions, pitome } from './pitome.js';
export { type PruMergeOptions, pruMerge } from './pru-merge.js';
export { pruMergePlus } from './pru-merge-plus.js';
export { type PruneVidOptions, pruneVid } from './prune-vid.js';
export { type PyramidDropOptions, pyramidDrop } from './pyramid-drop.js';
export { type SparseVlmOptions, sparseVlm } from './sparse-vlm.js';
export { type TofuOptions, tofu } from './tofu.js';
export { type TomeOptions, tome } from './tome.js';
export { type TomesdOptions, tomesd } from './tomesd.js';
export { type TopKPruneOptions, topKPrune } from './top-k-prune.js';
export { type TrimOptions, trim } from './trim.js';
export { type VidCom2Options, vidCom2 } from './vid-com2.js';
export { type VisPrunerOptions, visPruner } from './vis-pruner.js';
export { type VisionZipOptions, visionZip } from './vision-zip.js';
export { type VscanOptions, vscan } from './vscan.js';

/** Every method of this package, by name. */
export const methods: readonly Method[] = [
  algm,
  ats,
  avit,
  cdPruner,
  crossget,
  cts,
  dart,
  diffrate,
  divPrune,
  dpcKnn,
  dtem,
  dycoke,
  dymu,
  dynamicVit,
  evit,
  evs,
  fasterVlm,
  fastv,
  frameFusion,
  hiPrune,
  holov,
  ltmp,
  mctf,
  pact,
  pitome,
  pruMerge,
  pruMergePlus,
  pruneVid,
  pyramidDrop,
  sparseVlm,
  tofu,
  tome,
  tomesd,
  topKPrune,
  trim,
  vidCom2,
  visPruner,
  visionZip,
  vscan,
];
