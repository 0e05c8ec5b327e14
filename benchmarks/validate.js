// The V8 side of validate.py: reads module paths, then answers each line of standard input,
// the number of a module, with the milliseconds that WebAssembly.validate took over it.
const modules = Deno.args.map((path) => Deno.readFileSync(path));
const decoder = new TextDecoder();
let pending = "";
for await (const chunk of Deno.stdin.readable) {
  pending += decoder.decode(chunk);
  const lines = pending.split("\n");
  pending = lines.pop();
  for (const line of lines) {
    const start = performance.now();
    const valid = WebAssembly.validate(modules[Number(line)]);
    const taken = performance.now() - start;
    console.log(JSON.stringify({ valid, taken }));
  }
}
