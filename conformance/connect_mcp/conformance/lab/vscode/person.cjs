// A person at VS Code: looks at the list of MCP servers, asks the chat, and looks again.
//
// It is given besides what `workbench.cjs` needs: `pictures`, where screenshots go; `server`, the name of the entry;
// `prompt`, what is asked; `answer`, how the model's last text begins; `patience`, seconds in all.
// What it sees it prints as JSON, one value a line. Exit codes: 0 the chat answered, 1 it did not in time or something
// of VS Code was not as it is known, which is then said on stderr.

const path = require("path");
const { given, pause, withWorkbench, STEP } = require("./workbench.cjs");

const ENDING = 10000; // milliseconds of all that are kept for a last look and for ending
const deadline = Date.now() + Number(given.patience) * 1000 - ENDING;

const left = () => Math.max(deadline - Date.now(), 1);
const tell = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function visit(page) {
  page.setDefaultTimeout(left());
  await look(page, "before");
  try {
    await ask(page);
  } finally {
    await picture(page, "chat");
  }
  page.setDefaultTimeout(STEP);
  await lookAtTools(page);
  await showOutputOfFailed(page, await look(page, "after"));
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

// Open the chat's list of tools, and our server's part of it, where that is there.
async function lookAtTools(page) {
  // Not with the mouse: a notification may lie over it, such as one that asks whether a server may use the model.
  await page.locator('.interactive-session [aria-label^="Configure Tools"]').first().evaluate((action) => action.click());
  const rows = page.locator(".quick-input-widget .monaco-list-row");
  await rows.first().waitFor();
  const ours = page.locator(`.quick-input-widget .monaco-list-row[aria-label$=", ${given.server}"]`);
  if (await ours.count()) {
    await ours.locator(".monaco-tl-twistie").click();
    await pause(1000);
    tell({ tools: await rows.evaluateAll((all) => all.map((row) => row.ariaLabel)) });
  }
  await picture(page, "tools");
  await page.keyboard.press("Escape");
}

async function showOutputOfFailed(page, row) {
  if (!row || !/, Error/.test(row)) return;
  await command(page, "MCP: List Servers");
  await page.locator(`.quick-input-list .monaco-list-row[aria-label^="${given.server}, "]`).click();
  await page.locator('.quick-input-list .monaco-list-row[aria-label^="Show Output"]').click();
  const output = page.locator(".output-view .view-lines");
  await output.waitFor();
  await pause(1000);
  tell({ output: (await output.innerText()).replaceAll("\u00a0", " ").split("\n") });
  await picture(page, "output");
}

async function picture(page, name) {
  await page.screenshot({ path: path.join(given.pictures, `${name}.png`) });
}

withWorkbench(visit, { answered: (label) => tell({ answered: label }) }).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
