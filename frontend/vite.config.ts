import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Connect, type Plugin } from "vite";

const PORT = Number(process.env.PLIMSOLL_WEB_PORT ?? 5273);
const DEPLOYMENTS = resolve(process.env.PLIMSOLL_DEPLOYMENTS ?? join(import.meta.dirname, "..", "deployments"));
/** Further origins the page may reach, for a network whose node is not on this machine. */
const RPC_ORIGINS = process.env.PLIMSOLL_RPC_ORIGINS ?? "";

/** Serves the deployments files as they are now: one build of the page is good for any deployment. */
const serveDeployments: Connect.NextHandleFunction = (request, response, next) => {
  const path = (request.url ?? "").split("?")[0] ?? "";
  if (!path.startsWith("/deployments/")) return next();
  const name = basename(path);
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Content-Type", "application/json");
  if (!/^[\w-]+\.json$/.test(name)) {
    response.statusCode = 404;
    response.end("{}");
    return;
  }
  readFile(join(DEPLOYMENTS, name)).then(
    (body) => response.end(body),
    () => {
      response.statusCode = 404;
      response.end("{}");
    },
  );
};

const deployments: Plugin = {
  name: "plimsoll-deployments",
  configureServer: (server) => void server.middlewares.use(serveDeployments),
  configurePreviewServer: (server) => void server.middlewares.use(serveDeployments),
};

/** Only the built page carries the policy: the dev server's own scripts are inline. */
const contentSecurityPolicy: Plugin = {
  name: "plimsoll-csp",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      injectTo: "head-prepend",
      attrs: {
        "http-equiv": "Content-Security-Policy",
        content: [
          "default-src 'none'",
          "script-src 'self'",
          "style-src 'self' 'unsafe-inline'",
          "img-src 'self' data:",
          `connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:* http://localhost:* ws://localhost:* ${RPC_ORIGINS}`.trim(),
          "manifest-src 'self'",
          "base-uri 'none'",
          "form-action 'none'",
        ].join("; "),
      },
    },
  ],
};

export default defineConfig({
  plugins: [react(), deployments, contentSecurityPolicy],
  server: { host: "127.0.0.1", port: PORT, strictPort: true },
  preview: { host: "127.0.0.1", port: PORT, strictPort: true },
  // The trading page in one chunk, the others when they are opened: `python -m tests.web.measure` tells the sizes.
  build: { target: "es2022", sourcemap: false, chunkSizeWarningLimit: 900 },
});
