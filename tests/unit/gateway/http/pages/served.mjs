// The pages' modules under the addresses that they have in a browser: `/page/…`, `/console/…` and `/sdk/…`.

import { register } from "node:module";

const pages = new URL("../../../../../gateway/http/pages/", import.meta.url).href;
const sdk = new URL("../../../../../clients/dist/", import.meta.url).href;
const source = `
  const places = { page: "${pages}static/", console: "${pages}console/", sdk: "${sdk}" };
  export const resolve = (name, context, next) =>
    next(name.replace(/^\\/(page|console|sdk)\\//, (_, folder) => places[folder]), context);
`;
register(`data:text/javascript,${encodeURIComponent(source)}`);

/** A module by its address. */
export const served = (address) => import(address);
