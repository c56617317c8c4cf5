//! Proxmox VE's API, as far as fencing needs it (pve.proxmox.com/pve-docs/api-viewer). Errors stand in the status line, over a
//! body without data.

use std::time::Duration;

use super::data::{Answer, Effect, Field, Format, Part, Route, Service, Session, Words};

const NO_DATA: &[Part] = &[Part::Text("{\"data\":null}")];

/// A command for a virtual machine, done by a task.
const fn command(path: &'static str, kind: &'static str, effect: Effect) -> Route {
    Route {
        method: "POST",
        path,
        effect,
        task: Some(kind),
        answer: Answer::ok(&[Part::Text("{\"data\":\"$(task)\"}")]),
        ..LOOK
    }
}

const LOOK: Route = Route {
    method: "GET",
    path: "",
    wants: &[],
    open: false,
    effect: Effect::Nothing,
    task: None,
    answer: Answer::ok(NO_DATA),
    meanwhile: None,
};

const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: "/api2/json/access/ticket",
        open: true,
        effect: Effect::LogIn { user: Field::Form("username"), password: Field::Form("password") },
        answer: Answer::ok(&[Part::Text(
            "{\"data\":{\"ticket\":\"$(token)\",\"CSRFPreventionToken\":\"$(csrf)\",\"username\":\"$(user)\"}}",
        )]),
        ..LOOK
    },
    Route {
        path: "/api2/json/version",
        answer: Answer::ok(&[Part::Text("{\"data\":{\"version\":\"8.2.4\",\"release\":\"8.2\"}}")]),
        ..LOOK
    },
    Route {
        path: "/api2/json/nodes",
        answer: Answer::ok(&[
            Part::Text("{\"data\":["),
            Part::EachNode("{\"node\":\"$(node)\",\"type\":\"node\",\"status\":\"online\"}", ","),
            Part::Text("]}"),
        ]),
        ..LOOK
    },
    Route {
        path: "/api2/json/cluster/resources",
        answer: Answer::ok(&[
            Part::Text("{\"data\":["),
            Part::Each(
                "{\"id\":\"qemu/$(id)\",\"type\":\"qemu\",\"vmid\":$(id),\"name\":\"$(name)\",\"node\":\"$(node)\",\
                 \"status\":\"$(state)\"}",
                ",",
            ),
            Part::Text("]}"),
        ]),
        ..LOOK
    },
    Route {
        path: "/api2/json/nodes/{node}/qemu/{machine}/status/current",
        answer: Answer::ok(&[Part::Text(
            "{\"data\":{\"vmid\":$(id),\"name\":\"$(name)\",\"status\":\"$(state)\",\"qmpstatus\":\"$(state)\",\
             \"uptime\":$(uptime),\"ha\":{\"managed\":0}}}",
        )]),
        ..LOOK
    },
    command("/api2/json/nodes/{node}/qemu/{machine}/status/stop", "qmstop", Effect::Switch(false)),
    command("/api2/json/nodes/{node}/qemu/{machine}/status/start", "qmstart", Effect::Switch(true)),
    command("/api2/json/nodes/{node}/qemu/{machine}/status/reset", "qmreset", Effect::Cycle(Duration::ZERO)),
    Route {
        path: "/api2/json/nodes/{node}/tasks/{task}/status",
        answer: Answer::ok(&[Part::Text(
            "{\"data\":{\"upid\":\"$(task)\",\"status\":\"stopped\",\"exitstatus\":\"$(exit)\"}}",
        )]),
        meanwhile: Some(Answer::ok(&[Part::Text(
            "{\"data\":{\"upid\":\"$(task)\",\"status\":\"running\"}}",
        )])),
        ..LOOK
    },
];

/// Proxmox VE.
pub static PVE: Service = Service {
    name: "pve",
    format: Format::Json,
    sessions: &[
        Session::Cookie { name: "PVEAuthCookie", csrf: Some("csrfpreventiontoken") },
        Session::Fixed("authorization", "PVEAPIToken="),
    ],
    routes: ROUTES,
    // What is to come isn't told.
    words: Words { on: "running", off: "stopped", to_on: "stopped", to_off: "running" },
    task: "UPID:$(node):0000$(number):000F4240:6700A000:$(kind):$(id):$(user):",
    denied: Answer::error(401, "No ticket", NO_DATA),
    refused: Answer::error(401, "authentication failure", NO_DATA),
    missing: Answer::error(500, "Configuration file does not exist", NO_DATA),
    no_route: Answer::error(501, "Method not implemented", NO_DATA),
};
