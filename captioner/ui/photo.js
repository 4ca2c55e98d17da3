// The box for one photo: chosen, dropped, pasted, or taken with the camera. Whatever fails, the
// photo and its sentence stay, and one sentence says why.
(() => {
  const ATTEMPTS = 3; // at a photo, with a server that is there

  let gradio = null; // the component: its element, and its events
  let server = null; // what gradio lets it ask
  let latest = null; // the file that was given last
  let there = null; // the upload of that file, once it is there
  let shown = null; // the file whose answer is shown
  let isRefused = false; // whether the notice says why the last question had no answer
  let begin = ""; // what sentences have to begin with, as the server takes it
  let stream = null; // of the camera, while it is on

  const part = (selector) => gradio.element.querySelector(selector);

  const warn = (...said) => part(".notice").replaceChildren(...(said.length ? captioner.said(...said) : []));

  const show = (file) => {
    const image = part("img");
    const before = image.src;
    image.src = URL.createObjectURL(file);
    image.alt = "";
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
    part(".photo-box").classList.add("full");
    // Until there is an answer, the sentence that is shown is that of the photo before.
    document.querySelector("#answer").classList.add("stale");
  };

  const upload = (file) => {
    there = captioner.upload([file]).then(([path]) => ({ path, orig_name: file.name }));
    there.catch(() => {}); // whoever asks about the photo hears of it
  };

  // What the server answers to a question about the photo, or its refusal. ask: gives the answer, or
  // undefined where there was none: of a server that has been started again, say, which does not have
  // the photo any more. One that is away is waited for; a photo that was given meanwhile takes this
  // one's place.
  captioner.aboutPhoto = async (ask) => {
    let [file, attempts] = [latest, 0];
    for (;;) {
      if (file !== latest) [file, attempts] = [latest, 0];
      try {
        const answer = await ask(await there);
        if (answer !== undefined) return { file, ...answer };
      } catch (problem) {
        if (problem instanceof captioner.Refusal) return { file, refusal: [problem.message] };
      }
      if (file !== latest) continue;
      attempts += 1;
      if (await captioner.isThere()) {
        if (attempts >= ATTEMPTS) return { file, refusal: captioner.said("unreadable", file.name) };
      } else {
        warn("away");
        await captioner.untilThere();
        warn();
        attempts = 0;
      }
      upload(latest);
    }
  };

  const put = () =>
    captioner.aboutPhoto(async (photo) => {
      const { both, fields } = await captioner.choices();
      return server.answered([photo, shown === latest, both, begin, fields]);
    });

  const tell = ({ file, refusal, sentences, problem }) => {
    if (isRefused) warn();
    isRefused = Boolean(refusal);
    if (refusal) return part(".notice").replaceChildren(...refusal);
    document.querySelector("#problem .contents").innerHTML = problem;
    if (sentences === null) return captioner.tellState();
    const isOther = shown !== file;
    shown = sentences ? file : null;
    captioner.showAnswer(sentences);
    if (isOther) gradio.trigger("upload");
  };

  const ask = captioner.newest(put, tell, () => document.querySelector("#answer .contents"));

  captioner.whenChosen(() => latest && ask());

  captioner.beginWith = (chosen) => {
    begin = chosen;
    ask();
  };

  const take = async (files) => {
    const [file] = await captioner.fitting(files.slice(0, 1), warn);
    if (!file) return;
    turnOff();
    warn();
    latest = file;
    upload(file);
    ask();
    show(file);
  };

  const paste = async () => {
    let items = [];
    try {
      items = await navigator.clipboard.read();
    } catch {
      return warn("no_clipboard");
    }
    for (const item of items) {
      const type = item.types.find((type) => type.startsWith("image/"));
      if (type) return take([new File([await item.getType(type)], "clipboard.png", { type })]);
    }
    warn("no_picture");
  };

  const turnOff = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    part(".photo-box").classList.remove("camera");
  };

  const WHY = { NotAllowedError: "camera_forbidden", NotFoundError: "no_camera" };

  const turnOn = async () => {
    warn();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (problem) {
      return warn(WHY[problem.name] ?? "camera_failed");
    }
    const video = part("video");
    video.srcObject = stream;
    part(".photo-box").classList.add("camera");
    // Before its first picture there is nothing to be taken.
    part(".take").disabled = true;
    part(".leave").focus();
    video.onloadeddata = () => {
      part(".take").disabled = false;
      part(".take").focus();
    };
    video.play();
  };

  const shoot = () => {
    const video = part("video");
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 }).then((blob) => {
      take([new File([blob], "camera.jpg", { type: blob.type })]);
      part("input").focus();
    });
  };

  const leave = () => {
    turnOff();
    part(".camera-on").focus();
  };

  const actions = { choose: () => part("input").click(), paste, "camera-on": turnOn, take: shoot, leave };

  captioner.openPhoto = (element, props, trigger, asked) => {
    gradio = { element, trigger };
    server = asked;
    // Over plain http from another computer a browser lets no page have these.
    part(".paste").hidden = !navigator.clipboard?.read;
    part(".camera-on").hidden = !navigator.mediaDevices?.getUserMedia;
    element.addEventListener("click", ({ target }) => {
      const button = target.closest?.("button");
      for (const [name, act] of Object.entries(actions)) if (button?.classList.contains(name)) act();
    });
    captioner.takeFiles("one", { take, warn });
  };

  // A file that the browser cannot show (a TIFF, or no picture at all) leaves no broken icon.
  const hide = ({ target, type }) => {
    if (target.matches?.("#photo img")) target.hidden = type === "error";
  };
  document.addEventListener("error", hide, true);
  document.addEventListener("load", hide, true);
})();
