// Runs on a host of the lab: serves some bytes over HTTP, or fetches them. Tells size and hash.
//
//     node http.js serve ADDRESS PORT BYTES
//     node http.js fetch URL

import { createHash, randomBytes } from "node:crypto";
import { createServer, get } from "node:http";

const [action, ...words] = process.argv.slice(2);
if (action === "serve") serve(words[0] as string, Number(words[1]), Number(words[2]));
else fetch(words[0] as string);

function tell(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function serve(address: string, port: number, length: number): void {
  const body = randomBytes(length);
  const sha256 = createHash("sha256").update(body).digest("hex");
  createServer((_request, response) => {
    response.writeHead(200, { "content-length": length }).end(body);
  }).listen(port, address, () => tell({ bytes: length, sha256 }));
}

function fetch(url: string): void {
  const start = performance.now();
  get(url, (response) => {
    const hash = createHash("sha256");
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      hash.update(chunk);
    });
    response.on("end", () => {
      const seconds = (performance.now() - start) / 1000;
      tell({ bytes, sha256: hash.digest("hex"), seconds });
    });
  });
}
