require('./program.cjs')(require('tokensieve'));
