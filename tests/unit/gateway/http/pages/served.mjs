// The pages' modules under the addresses that they have in a browser: `/page/…` and `/console/…`.

import { register } from "node:module";

const pages = new URL("../../../../../gateway/http/pages/", import.meta.url).href;
const source = `
  export const resolve = (name, context, next) =>
    next(name.replace(/^\\/page\\//, "${pages}static/").replace(/^\\/console\\//, "${pages}console/"), context);
`;
register(`data:text/javascript,${encodeURIComponent(source)}`);

/** A module by its address. */
export const served = (address) => import(address);
