// A bare page in a real Chromium, and the files that it may ask for, served on loopback.

import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, resolve, sep } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

const ROOT = resolve(".");
/** What of the project a page may load: the built program, the wasm, and captures to read. */
const SERVED = ["dist", "wasm", "test/captures"].map((folder) => resolve(folder) + sep);
const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".html": "text/html",
};

/** A page with nothing on it. */
export class BarePage {
  readonly page: Page;
  /** What the page complained of. */
  readonly complaints: string[] = [];
  readonly #server: Server;
  readonly #browser: Browser;

  private constructor(server: Server, browser: Browser, page: Page) {
    this.#server = server;
    this.#browser = browser;
    this.page = page;
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
  }

  static async open(executablePath: string): Promise<BarePage> {
    const server = createServer(({ url = "/" }, response) => {
      const path = resolve(ROOT, `.${new URL(url, "http://localhost").pathname}`);
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      try {
        const body =
          url === "/"
            ? '<!doctype html><title>bare</title><link rel="icon" href="data:,">'
            : served(path);
        response.writeHead(200, { "content-type": url === "/" ? "text/html" : type });
        response.end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    // As root, Chromium has no sandbox.
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    const page = await browser.newPage();
    const bare = new BarePage(server, browser, page);
    await page.goto(`http://127.0.0.1:${port}/`);
    return bare;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.close();
  }
}

function served(path: string): Buffer {
  if (!SERVED.some((folder) => path.startsWith(folder))) throw new Error("not for pages");
  return readFileSync(path);
}
