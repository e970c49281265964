// Drives a device with the npm package `onvif`. Usage: node drive_node.js camera|device HOST PORT USER PASSWORD WRONG_PASSWORD
const path = require('path');
const { Cam } = require(path.join(process.env.ONVIF_NODE_MODULES, 'onvif'));
const [role, hostname, port, username, password, wrong] = process.argv.slice(2);

const tell = (step, detail = {}) => console.log(JSON.stringify({ step, ...detail }));
const call = (cam, name, ...args) => new Promise((resolve, reject) => {
  cam[name](...args, (error, data, xml) => (error ? reject(error) : resolve({ data, xml })));
});
const connect = (secret) => new Promise((resolve, reject) => {
  const cam = new Cam({ hostname, port: Number(port), username, password: secret, timeout: 20000 },
    (error) => (error ? reject(error) : resolve(cam)));
});

async function pullUntil(cam, needle) {
  for (let round = 0; round < 12; round += 1) {
    const { xml } = await call(cam, 'pullMessages', { messageLimit: 10 });
    if (xml && xml.includes(needle)) { return xml; }
  }
  throw new Error(`no message with ${needle} was pulled`);
}

async function main() {
  const cam = await connect(password);
  const { data: information } = await call(cam, 'getDeviceInformation');
  // The client counts from the start of the process, so the device's clock is its time shift plus that.
  const offset = (cam.timeShift + process.uptime() * 1000 - Date.now()) / 1000;
  tell('connect', { manufacturer: information.manufacturer, clock_offset_s: Math.round(offset) });
  tell('profiles', { tokens: cam.profiles.map((profile) => profile.$.token) });
  if (role === 'camera') {
    const { data: stream } = await call(cam, 'getStreamUri', { protocol: 'RTSP' });
    tell('stream', { uri: stream.uri });
    const { data: options } = await call(cam, 'getVideoSourceOptions');
    await call(cam, 'setImagingSettings', { sharpness: 7, exposure: { mode: 'MANUAL', exposureTime: 1500, gain: 3 } });
    const { data: now } = await call(cam, 'getImagingSettings');
    tell('imaging', {
      sharpness: now.sharpness, exposure: now.exposure.exposureTime, maximum: options.sharpness.max,
    });
  }
  await call(cam, 'createPullPointSubscription');
  tell('subscribed');
  // This client has no call for relays: the test switches the camera's relay itself.
  const content = await pullUntil(cam, role === 'camera' ? 'Changed' : 'PlateNumber');
  tell('event', { content });
  const { data: renewed } = await call(cam, 'renew', {});
  tell('renew', { seconds: Math.round((renewed.terminationTime - renewed.currentTime) / 1000) });
  await call(cam, 'unsubscribe');
  tell('unsubscribe');
  try {
    // Connecting asks only for what is open to everybody, so ask for something that is not.
    await call(await connect(wrong), 'getDeviceInformation');
    tell('wrong_password', { refused: false });
  } catch (error) {
    tell('wrong_password', { refused: true, message: error.message });
  }
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
