import { defineConfig } from "vitest/config";

// Without an explicit list vitest would also run the compiled copies under dist/.
export default defineConfig({
  test: {
    include: ["{core,sim,properties,scenarios}/**/*.test.ts"],
    testTimeout: 120_000,
  },
});
