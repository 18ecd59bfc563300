import {
  attentionScoresSync,
  bipartiteMatch,
  info,
  mergeTokens,
  restoreTokensSync,
  tokenNormsSync,
  topK,
} from 'tokensieve';
import program from './program.cjs';

await program({
  attentionScoresSync,
  bipartiteMatch,
  info,
  mergeTokens,
  restoreTokensSync,
  tokenNormsSync,
  topK,
});
