// Opens one page in Chromium, looks at it, and prints as JSON what there was; `browser.py` starts it.

const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const { chromium } = require(require.resolve("playwright-core", { paths: [asked.modules] }));

async function main() {
  const browser = await chromium.launch({
    executablePath: asked.program,
    args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--no-sandbox"],
  });
  try {
    const context = await browser.newContext({ colorScheme: asked.scheme, viewport: { width: 1200, height: 900 } });
    const page = await context.newPage();
    const facts = { requests: [], console: [], errors: [] };
    page.on("request", (request) => facts.requests.push(request.url()));
    page.on("console", (message) => facts.console.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => facts.errors.push(String(error)));
    await page.goto(asked.url, { waitUntil: "networkidle", timeout: 30000 });
    facts.title = await page.title();
    facts.text = await page.locator("body").innerText();
    facts.background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    facts.found = (asked.look ? await eval(`(${asked.look})`)(page) : null) ?? null;
    if (asked.picture) await page.screenshot({ path: asked.picture, fullPage: true });
    process.stdout.write(JSON.stringify(facts));
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
