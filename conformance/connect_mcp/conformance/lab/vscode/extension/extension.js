// Lends VS Code's own MCP client to whoever listens at CONNECT_MCP_LAB_PORT: JSON, one value a line.
//
// {id, method, params} is answered with {id, result} or {id, error: {message}}.

const net = require("net");
const readline = require("readline");
const vscode = require("vscode");

const START = 30000; // milliseconds; the command does not come back where a server's program is not found

const METHODS = {
  // Start all servers; their tools by the names that the model would see.
  async tools() {
    const options = { waitForLiveTools: true, autoTrustChanges: true };
    const started = vscode.commands.executeCommand("workbench.mcp.startServer", "*", options);
    await Promise.race([started, new Promise((resume) => setTimeout(resume, START))]);
    return { tools: ours().map((tool) => tool.name) };
  },
  // Call one of them; its result, of which VS Code gives extensions the content alone.
  async call({ name, arguments: input }) {
    const result = await vscode.lm.invokeTool(name, { input, toolInvocationToken: undefined });
    return { content: result.content.map(block) };
  },
};

const ours = () => vscode.lm.tools.filter((tool) => tool.name.startsWith("mcp_"));

function block(part) {
  if (part instanceof vscode.LanguageModelTextPart) return { type: "text", text: part.value };
  return { type: part.mimeType || part.constructor.name };
}

exports.activate = () => {
  const socket = net.connect(Number(process.env.CONNECT_MCP_LAB_PORT), "127.0.0.1");
  const answer = (value) => socket.write(`${JSON.stringify(value)}\n`);
  readline.createInterface({ input: socket }).on("line", async (line) => {
    const { id, method, params } = JSON.parse(line);
    try {
      answer({ id, result: await METHODS[method](params) });
    } catch (error) {
      answer({ id, error: { message: error.message } });
    }
  });
};
