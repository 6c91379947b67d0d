// VS Code without a person and without a model: an extension of ours in it is spoken to over our stdin and stdout.
//
// It is given what `workbench.cjs` needs; the extension says what it is asked. Ends when its stdin does.

const { cpSync } = require("fs");
const net = require("net");
const path = require("path");
const { given, withWorkbench } = require("./workbench.cjs");

const done = new Promise((resume) => process.stdin.on("end", resume));
const server = net.createServer((socket) => {
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
});

server.listen(0, "127.0.0.1", () => {
  const extensions = path.join(given["user-data"], "extensions");
  cpSync(path.join(__dirname, "extension"), path.join(extensions, "connect-mcp.lab-1.0.0"), { recursive: true });
  withWorkbench(() => done, { env: { CONNECT_MCP_LAB_PORT: String(server.address().port) } })
    .catch((error) => {
      process.stderr.write(`${error.stack}\n`);
      process.exitCode = 1;
    })
    .finally(() => server.close());
});
