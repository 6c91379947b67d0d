// VS Code's workbench in Chromium: code-server, a page that shows it, and somebody who answers what it asks.
//
// Both scripts that use it are given, each as NAME=VALUE: `installed`, the folder of code-server and playwright-core;
// `user-data`, VS Code's folder of user data; `project`, the folder that is opened; `browsers`, the names that Chromium
// may have, with commas between them. With `refuses=calls` the chat's questions whether a tool may be called are denied.

const { spawn } = require("child_process");
const { accessSync, constants, mkdtempSync, rmSync } = require("fs");
const { tmpdir } = require("os");
const path = require("path");

const given = Object.fromEntries(
  process.argv.slice(2).map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
);
const modules = path.join(given.installed, "node_modules");
const { chromium } = require(path.join(modules, "playwright-core"));

const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--no-sandbox"];
const STEP = 60000; // milliseconds for one thing that VS Code is to show; on a quiet machine none took 6 s

const LONGEST = 60; // characters of a folder for temporary files: Chromium puts a socket below it, whose path may have 107

const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

// Open the workbench, let `use` have its page, and end it; `env` are variables that VS Code is given besides ours.
async function withWorkbench(use, { env = {}, answered = () => {} } = {}) {
  const code = await started(env);
  const temporary = tmpdir().length > LONGEST ? mkdtempSync("/tmp/connect-mcp-") : tmpdir();
  let browser;
  try {
    const executablePath = onPath(given.browsers.split(","));
    browser = await chromium.launch({ executablePath, args: FLAGS, env: { ...process.env, TMPDIR: temporary } });
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.setDefaultTimeout(STEP);
    await page.goto(`${code.url}/?folder=${encodeURIComponent(given.project)}`);
    await page.waitForSelector(".monaco-workbench .part.statusbar");
    answering(page, answered);
    await use(page);
  } finally {
    await browser?.close();
    if (temporary !== tmpdir()) rmSync(temporary, { recursive: true, force: true });
    await ended(code.process);
  }
}

// Start code-server on a free port; its URL and its process.
function started(env) {
  const entry = path.join(modules, "code-server", "out", "node", "entry.js");
  const argv = [entry, "--auth", "none", "--bind-addr", "127.0.0.1:0", "--user-data-dir", given["user-data"],
    "--disable-telemetry", "--disable-update-check", given.project];
  const stdio = ["ignore", "pipe", "inherit"];
  const child = spawn(process.execPath, argv, { env: { ...process.env, ...env }, stdio });
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
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
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

// Answer whatever VS Code asks, in a dialog or in the chat, before it starts a server, calls a tool or shows its result
// to the model: yes, but for calls that are to be refused.
async function answering(page, answered) {
  const inChat = given.refuses === "calls" ? /^\s*(Skip|Deny|No)/ : /^\s*(Allow|Trust|Yes)/;
  const answers = [
    page.locator(".monaco-dialog-box .monaco-button").filter({ hasText: /^\s*(Allow|Trust|Yes)/ }).first(),
    page.locator(".interactive-session .monaco-button").filter({ hasText: inChat }).first(),
  ];
  while (!page.isClosed()) {
    for (const answer of answers) {
      try {
        if (await answer.isVisible()) {
          const label = await answer.innerText();
          await answer.click({ timeout: 2000 });
          answered(label);
        }
      } catch {
        // it went away by itself
      }
    }
    await pause(250);
  }
}

module.exports = { given, pause, withWorkbench, STEP };
