// Ends well when the package says that it has no binary.
try {
  require('tokensieve');
  process.exitCode = 1;
} catch (error) {
  if (error.code !== 'ERR_TOKENSIEVE_NO_BINARY') throw error;
}
