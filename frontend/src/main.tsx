import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./styles/index.css";
import { App } from "./ui/App";
import { Boundary, Reload } from "./ui/Boundary";
import { Notice } from "./ui/Notice";

const root = document.getElementById("root");
if (root === null) throw new Error("no root element");

const Problem = () => (
  <Notice title="The page is broken">
    <Reload />
  </Notice>
);

createRoot(root).render(
  <StrictMode>
    <Boundary fallback={<Problem />}>
      <QueryClientProvider client={new QueryClient()}>
        <App />
      </QueryClientProvider>
    </Boundary>
  </StrictMode>,
);
