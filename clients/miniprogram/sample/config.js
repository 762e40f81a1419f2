// Where the gateway is. On a phone it has to be wss with a domain that is entered at "服务器域名" of the mini-program's console
// (without /ws); in the developer tools, with the check of domains off, ws://127.0.0.1:8080/ws of `gateway serve --dev` will do.

module.exports = {
  server: "ws://127.0.0.1:8080/ws",
  appID: 1,
  /** Your own backend, which makes join tokens: asked with `?userID=&roomID=`, it answers `{"token": "…"}`. Empty: no token. */
  tokenUrl: "",
};
