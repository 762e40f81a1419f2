// A room or a stream as the API tells it, put together for people: each stream with its viewers, the worst first. Pure.

export const LEVELS = ["good", "fair", "bad"];
const GOOD = { level: "good", since: 0, evidence: [] };

export const rank = (verdict) => LEVELS.indexOf(verdict?.level);

/**
 * Streams with their legs, those in trouble first.
 * @param streams of `GET rooms/{roomID}`, or the one that is `published` of `GET streams/{streamID}`
 * @param quality of `GET …/quality`; null: it is not known
 * @returns [{streamID, userID, userName, transport, state, uplink, measured, told, findings, viewers}], where `uplink` is null
 *   while it is not known, and each viewer has a `key` of its own, although many may share a userID
 */
export function streamsOf(streams, quality) {
  const legs = new Map((quality?.publishing ?? []).map((leg) => [leg.streamID, leg]));
  const known = new Map(streams.map((stream) => [stream.streamID, stream]));
  const played = byStream(quality?.playing ?? []);
  const all = new Set([...known.keys(), ...legs.keys(), ...played.keys()]);
  return [...all].map((streamID) => {
    const [stream, leg] = [known.get(streamID), legs.get(streamID)];
    return {
      streamID,
      userID: stream?.userID ?? leg?.userID ?? "",
      userName: stream?.userName ?? leg?.userID ?? "",
      transport: stream?.transport ?? leg?.transport ?? "",
      state: stream?.state ?? null,
      uplink: leg?.uplink ?? null,
      measured: leg?.measured ?? null,
      told: leg?.told ?? null,
      findings: leg?.findings ?? stream?.findings ?? [],
      viewers: (played.get(streamID) ?? []).sort(byTrouble),
    };
  }).sort((one, other) => trouble(other) - trouble(one) || compare(one.streamID, other.streamID));
}

function byStream(playing) {
  const found = new Map();
  const known = new Map();
  for (const one of playing) {
    if (!found.has(one.streamID)) found.set(one.streamID, []);
    const who = JSON.stringify([one.streamID, one.userID, one.transport]);
    known.set(who, (known.get(who) ?? 0) + 1);
    found.get(one.streamID).push({ ...one, key: `${who} ${known.get(who)}` });
  }
  return found;
}

function byTrouble(one, other) {
  return rank(other.downlink) - rank(one.downlink) || compare(one.userID, other.userID);
}

function trouble(stream) {
  return Math.max(rank(stream.uplink), ...stream.viewers.map((viewer) => rank(viewer.downlink)));
}

function compare(one, other) {
  return one < other ? -1 : Number(one > other);
}

/** The worst of a room's legs: {level, leg}, where `leg` is null while all are good. Of equally bad ones: as one is blamed. */
export function worst(quality) {
  const legs = [
    ["server", quality.server ?? GOOD],
    ...quality.publishing.map((one) => ["uplink", one.uplink]),
    ...quality.playing.map((one) => ["uplink", one.uplink]),
    ...quality.playing.map((one) => ["downlink", one.downlink]),
  ];
  let found = { level: "good", leg: null };
  for (const [leg, verdict] of legs) if (rank(verdict) > rank(found)) found = { level: verdict.level, leg };
  return found;
}
