// A sample mini-program: a join page and a call page.

const { server, appID } = require("./config");

App({
  globalData: {
    /** What the call page is to join, filled in by the join page. */
    call: { server, appID, roomID: "", userID: "", token: "", publish: true },
  },
});
