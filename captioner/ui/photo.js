// The box for one photo: chosen, dropped, pasted, or taken with the camera. Whatever fails, the
// photo and its sentence stay, and one sentence says why.
(() => {
  const MOMENT = 500; // milliseconds after an answer in which a server is taken to be there

  let gradio = null; // the component: its element, its props, and its events
  let latest = null; // the file that was given last
  let newest = []; // the values of the question that was last
  let heard = -Infinity; // when the server last had taken a file
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

  // The server may be away for a moment; a photo that was given meanwhile takes this one's place.
  const send = async (file) => {
    for (;;) {
      try {
        const which = captioner.whichServer(); // beside the upload, where it takes no time of its own
        const [path] = await captioner.upload([file]);
        const server = (await which) ?? (await captioner.untilThere());
        if (file !== latest) return;
        warn();
        captioner.server = server;
        heard = performance.now();
        gradio.props.value = { path, orig_name: file.name, server: captioner.server };
        return gradio.trigger("upload");
      } catch (problem) {
        if (file !== latest) return;
        if (problem instanceof captioner.Refusal) return part(".notice").replaceChildren(problem.message);
        warn("away");
        await captioner.untilThere();
      }
    }
  };

  const take = (files) => {
    const [file] = captioner.fitting(files.slice(0, 1), warn);
    if (!file) return;
    turnOff();
    warn();
    latest = file;
    show(file);
    send(file);
  };

  // gradio gives up, and loads the page anew, when it asks a server that is not there: it is asked
  // only when it is. One that has been started again does not have the photo any more. What is
  // chosen before a question is on its way is another one, which may be the faster: all ask for
  // what was chosen last.
  captioner.whenThere = async (...values) => {
    newest = values;
    if (performance.now() - heard < MOMENT) return newest;
    const before = captioner.server;
    captioner.server = await captioner.whichServer();
    if (!captioner.server) {
      warn("away");
      captioner.server = await captioner.untilThere();
      warn();
    }
    const known = newest[0]?.server === captioner.server;
    if (!latest || !before || before === captioner.server || known) return newest;
    const [path] = await captioner.upload([latest]);
    gradio.props.value = { ...newest[0], path, server: captioner.server };
    return (newest = [{ ...gradio.props.value }, ...newest.slice(1)]);
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

  captioner.openPhoto = (element, props, trigger) => {
    gradio = { element, props, trigger };
    // Over plain http from another computer a browser lets no page have these.
    part(".paste").hidden = !navigator.clipboard?.read;
    part(".camera-on").hidden = !navigator.mediaDevices?.getUserMedia;
    element.addEventListener("click", ({ target }) => {
      const button = target.closest?.("button");
      for (const [name, act] of Object.entries(actions)) if (button?.classList.contains(name)) act();
    });
    captioner.takeFiles("one", { take, warn });
    captioner.drafts.keptForReload().then((kept) => kept?.file && take([kept.file]));
  };

  captioner.beforeReload({
    lost: () => gradio && warn("away"),
    keep: () => {
      const [, , both, , , ...how] = newest; // as one_photo.py asks
      return captioner.drafts.keepForReload({ file: latest, choices: how.length ? [both, ...how] : null });
    },
  });

  // values: those of the fields, which are as they were before gradio loaded the page anew.
  captioner.choicesAgain = async (...values) => {
    const kept = await captioner.drafts.keptForReload();
    return kept?.choices ?? values.map(() => ({ __type__: "update" }));
  };

  // A file that the browser cannot show (a TIFF, or no picture at all) leaves no broken icon.
  const hide = ({ target, type }) => {
    if (target.matches?.("#photo img")) target.hidden = type === "error";
  };
  document.addEventListener("error", hide, true);
  document.addEventListener("load", hide, true);
})();
