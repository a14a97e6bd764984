// Parses the AsyncAPI document on standard input with the official parser (its file is the argument), and prints
// what it finds fault with as JSON. The parser's one-file form is made for browsers, which have a `self`.
globalThis.self = globalThis;
const Parser = require(process.argv[2]);
const text = require("fs").readFileSync(0, "utf8");
new Parser().parse(text).then(({ document, diagnostics }) => {
  const faults = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path }));
  console.log(JSON.stringify({ parsed: document !== undefined, faults }));
});
