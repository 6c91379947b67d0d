// A person at VS Code, in Chromium: looks at the list of MCP servers, asks the chat, and looks again.
//
// It is given, each as NAME=VALUE: `installed`, the folder of code-server and playwright-core; `user-data`, VS Code's
// folder of user data; `project`, the folder that is opened; `pictures`, where screenshots go; `server`, the name of
// the entry; `prompt`, what is asked; `answer`, how the model's last text begins; `patience`, seconds in all.
// What it sees it prints as JSON, one value a line. Exit codes: 0 the chat answered, 1 it did not in time or something
// of VS Code was not as it is known, which is then said on stderr.

const { spawn } = require("child_process");
const { accessSync, constants } = require("fs");
const path = require("path");

const given = Object.fromEntries(
  process.argv.slice(2).map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
);
const modules = path.join(given.installed, "node_modules");
const { chromium } = require(path.join(modules, "playwright-core"));

const BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--no-sandbox"];
const STEP = 30000; // milliseconds for one thing that VS Code is to show; on a quiet machine none took 6 s
const ENDING = 10000; // milliseconds of all that are kept for a last look and for ending
const deadline = Date.now() + Number(given.patience) * 1000 - ENDING;

const left = () => Math.max(deadline - Date.now(), 1);
const tell = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

async function main() {
  const code = await started();
  const browser = await chromium.launch({ executablePath: onPath(BROWSERS), args: FLAGS });
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.setDefaultTimeout(STEP);
    await page.goto(`${code.url}/?folder=${encodeURIComponent(given.project)}`);
    await page.waitForSelector(".monaco-workbench .part.statusbar");
    agreeable(page);
    try {
      await look(page, "before");
      await ask(page);
    } finally {
      await picture(page, "chat");
    }
    await showOutputOfFailed(page, await look(page, "after"));
  } finally {
    await browser.close();
    await ended(code.process);
  }
}

// Start code-server on a free port; its URL and its process.
function started() {
  const entry = path.join(modules, "code-server", "out", "node", "entry.js");
  const child = spawn(process.execPath, [entry, "--auth", "none", "--bind-addr", "127.0.0.1:0",
    "--user-data-dir", given["user-data"], "--disable-telemetry", "--disable-update-check", given.project],
  { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    let said = "";
    child.on("error", reject);
    child.on("exit", () => reject(new Error(`code-server ended: ${said.slice(-2000)}`)));
    child.stdout.on("data", (data) => {
      said = (said + data).slice(-20000);
      const found = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(said);
      if (found) resolve({ url: found[1], process: child });
    });
  });
}

function ended(child) {
  return new Promise((resolve) => {
    child.removeAllListeners("exit");
    child.on("exit", resolve);
    child.kill("SIGTERM");
  });
}

function onPath(names) {
  const folders = process.env.PATH.split(path.delimiter);
  const found = names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find(isProgram);
  if (!found) throw new Error(`there is none of ${names.join(", ")} on PATH`);
  return found;
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

// Say yes to whatever VS Code asks, in a dialog or in the chat, before it starts a server, calls a tool or shows its
// result to the model.
async function agreeable(page) {
  const yes = page.locator(".monaco-dialog-box .monaco-button, .interactive-session .monaco-button")
    .filter({ hasText: /^\s*(Allow|Trust)/ }).first();
  while (!page.isClosed()) {
    try {
      if (await yes.isVisible()) {
        const allowed = await yes.innerText();
        await yes.click({ timeout: 2000 });
        tell({ allowed });
      }
    } catch {
      // it went away by itself
    }
    await pause(250);
  }
}

// What "MCP: List Servers" shows, with a picture; our own server's row, or undefined.
async function look(page, when) {
  await command(page, "MCP: List Servers");
  const ours = (label) => label.startsWith(`${given.server}, `);
  const end = Date.now() + Math.min(STEP, left());
  let rows = [];
  do {
    await pause(300);
    rows = await labels(page);
  } while (!rows.some(ours) && Date.now() < end);
  tell({ servers: rows, when });
  await picture(page, `servers-${when}`);
  await page.keyboard.press("Escape");
  return rows.find(ours);
}

async function command(page, label) {
  await page.keyboard.press("F1");
  const input = page.locator(".quick-input-widget input[type=text]");
  await input.waitFor();
  await input.fill(`>${label}`);
  await page.locator(`.quick-input-list .monaco-list-row[aria-label^="${label}"]`).first().click();
}

function labels(page) {
  return page.$$eval(".quick-input-list .monaco-list-row", (rows) => rows.map((row) => row.ariaLabel));
}

async function ask(page) {
  await command(page, "Chat: Open Chat");
  await page.locator(".interactive-input-editor").first().click();
  await page.keyboard.insertText(given.prompt);
  await page.keyboard.press("Enter");
  const said = page.locator(".interactive-response:not(.chat-response-loading)", { hasText: given.answer }).last();
  await said.waitFor({ timeout: left() });
  tell({ said: await said.innerText() });
}

async function showOutputOfFailed(page, row) {
  if (!row || !/, Error/.test(row)) return;
  await command(page, "MCP: List Servers");
  await page.locator(`.quick-input-list .monaco-list-row[aria-label^="${given.server}, "]`).click();
  await page.locator('.quick-input-list .monaco-list-row[aria-label^="Show Output"]').click();
  const output = page.locator(".output-view .view-lines");
  await output.waitFor();
  await pause(1000);
  tell({ output: (await output.innerText()).split("\n") });
  await picture(page, "output");
}

async function picture(page, name) {
  await page.screenshot({ path: path.join(given.pictures, `${name}.png`) });
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
