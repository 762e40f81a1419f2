// The shapes that cross the core's edges, for the type checker alone: this module has no code, and may not get any.
//
// What comes from the gateway is described in docs/signaling.md; here stands as much of it as the core reads.

/**
 * An open or opening WebSocket. The four handlers are set by the core, at once after `openSocket` has returned; none of
 * them may be called before that.
 * @typedef {object} Socket
 * @property {(text: string) => void} send may be called while it is open; must not throw
 * @property {(code?: number, reason?: string) => void} close may be called at any time, also twice; must not throw
 * @property {() => void} onopen
 * @property {(text: string) => void} onmessage
 * @property {(event: {code: number, reason: string}) => void} onclose called once; also if it never opened
 * @property {(message: string) => void} onerror for the log only: what matters is the `onclose` that follows
 */

/**
 * All that the core needs of the world. `now` is in milliseconds, since whenever; `random` is from 0 to 1.
 * @typedef {object} Platform
 * @property {(url: string) => Socket} openSocket must not throw: what fails is told by `onclose`
 * @property {(fn: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {() => number} now
 * @property {() => number} random
 * @property {(level: "debug"|"info"|"warn"|"error", text: string) => void} [log]
 * @property {(fn: () => void) => (() => void)} [onWake] calls `fn` when the program has come back to the foreground or the
 *   network has changed: a moment to look after the connection. Returns what ends that.
 */

/** @typedef {"broadcaster"|"audience"} Role */
/** @typedef {"audio"|"video"} Medium */
/** @typedef {{userID: string, userName: string, role: Role}} UserInfo */
/** @typedef {{code: number, name: string}} Reason */

/**
 * @typedef {object} StreamInfo
 * @property {string} streamID
 * @property {string} userID
 * @property {string} userName
 * @property {Medium[]} media what arrives now
 * @property {Medium[]} announced what was promised
 * @property {{audio: boolean, video: boolean}} muted
 * @property {string} extraInfo
 * @property {string} transport
 */

/** @typedef {{value: string, updateUser: {userID: string, userName: string}, updateTime: number}} RoomExtraInfo */

/**
 * What `login` asks for; `resume` is the core's own.
 * @typedef {object} LoginParams
 * @property {string|number} appID
 * @property {string} roomID
 * @property {string} userID
 * @property {string} [userName]
 * @property {string} [token]
 * @property {string} [appSign]
 * @property {Role} [role]
 * @property {boolean} [userUpdate]
 * @property {boolean} [qualityUpdate]
 * @property {number} [maxMemberCount]
 */

/**
 * @typedef {object} LoginResult
 * @property {string} sessionID
 * @property {number} seq
 * @property {boolean} resumed
 * @property {Role} role
 * @property {number} heartbeatMs
 * @property {number} resumeWindowMs
 * @property {number|null} [tokenExpiresAt]
 * @property {string[]} servers
 * @property {{urls: string[], username?: string, credential?: string}[]} iceServers
 * @property {UserInfo[]} users
 * @property {StreamInfo[]} streams
 * @property {string[]} publishing
 * @property {string[]} playing
 * @property {Record<string, RoomExtraInfo>} roomExtraInfo
 * @property {number} onlineUserCount
 * @property {number} replayed
 */

/**
 * An event: its name on the wire and its parameters.
 * @typedef {{method: string, params: Record<string, any>}} Event
 */

/** @typedef {"idle"|"connecting"|"connected"|"reconnecting"|"ended"} State */

/**
 * Why a session is over for good.
 * @typedef {object} EndCause
 * @property {number} code the gateway's number (docs/errors.md); 0 if it gave none
 * @property {string} name
 * @property {string} message
 * @property {"never"|"now"|"after"} retry
 * @property {number} closeCode the WebSocket's close code that belongs to it; 0: none
 */

export {};
