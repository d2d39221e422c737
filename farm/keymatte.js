// SPDX-License-Identifier: GPL-3.0-or-later
// Flamenco job type: mattes of a clip. Copy this file into the folder `scripts` beside Flamenco Manager.

const JOB_TYPE = {
    label: "Keymatte",
    description: "Mattes of every object on every frame, from the masks of a few frames; the same as in one run",
    settings: [
        { key: "clip", type: "string", subtype: "file_path", required: true,
          description: "Movie, or first image of a sequence" },
        { key: "keyframes", type: "string", subtype: "dir_path", required: true,
          description: "Folder of mask images" },
        { key: "out", type: "string", subtype: "dir_path", required: true,
          description: "Folder for mattes/ and parts/, shared by all workers" },
        { key: "keymatte", type: "string", subtype: "dir_path", required: true,
          description: "Folder of Keymatte that contains engine/, on every worker" },
        { key: "python", type: "string", default: "python3",
          description: "Python with the engine's packages, on every worker" },
        { key: "recipe", type: "string", default: "keymatte" },
        { key: "height", type: "int32", default: 480, description: "Working height" },
        { key: "threads", type: "int32", default: 4,
          description: "CPU threads of a task; another number may change the last bits" },
        { key: "tasks", type: "int32", default: 8,
          description: "Number of tasks; those beyond the ranges of the clip do nothing" },
    ],
};

// Runs the engine from its own folder, as a worker has a working folder of its own.
const RUN = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('engine', run_name='__main__')";

function compileJob(job) {
    const settings = job.settings;
    const join = author.Task("join", "misc");
    for (let number = 1; number <= settings.tasks; number++) {
        const task = author.Task(`propagate-${number}`, "misc");
        task.addCommand(command(settings, [
            "--task", `${number}/${settings.tasks}`, "--out", `${settings.out}/parts/${number}`,
        ]));
        join.addDependency(task);
        job.addTask(task);
    }
    join.addCommand(command(settings, ["--join", `${settings.out}/parts`, "--out", `${settings.out}/mattes`]));
    job.addTask(join);
}

function command(settings, more) {
    return author.Command("exec", {
        exe: settings.python,
        args: [
            "-c", RUN, settings.keymatte, "propagate", "--clip", settings.clip, "--keyframes", settings.keyframes,
            "--recipe", settings.recipe, "--height", `${settings.height}`, "--threads", `${settings.threads}`,
        ].concat(more),
    });
}
