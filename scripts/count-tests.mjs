/**
 * The last lines of `.ci/run`: what failed, and the count of tests. Usage: count-tests.mjs A.json,B.json [STAGE...], the
 * stages being those that failed.
 * Invariant kept: it says "0 failed" and exits 0 only when there are results, all tests in them passed, and no stage
 * failed.
 */
import { readFileSync } from 'node:fs';

const [resultsFiles = '', ...stages] = process.argv.slice(2);
const results = resultsFiles.split(',').map(readResults);
const files = results.flatMap((result) => result?.testResults ?? []);
const tests = files.flatMap((file) => file.assertionResults);
const passed = tests.filter((test) => test.status === 'passed').length;
const failedTests = tests.filter((test) => test.status === 'failed').length;
// A file that could not be loaded has no tests, and would not be missed.
const brokenFiles = files.filter(
  (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
);
const failedByTests = failedTests + brokenFiles.length;
const testStages = new Set(['npm test', 'npm run test:browser']);
const otherStages = stages.filter((stage) => !testStages.has(stage) || failedByTests === 0);
const noResults = results.includes(null) && stages.length === 0 ? 1 : 0;
const failed = failedByTests + otherStages.length + noResults;

for (const stage of stages) console.log(`${stage} failed`);
for (const file of brokenFiles) console.log(`${file.name} failed outside of its tests`);
if (noResults > 0) console.log('There are no test results');
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // The run ended before it could write them: its stage is among those that failed.
    return null;
  }
}
