using System.CommandLine;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training.Torch;
using SampleSupport;

namespace Mnist;

/// <summary>What the command line asks for.</summary>
internal sealed record SampleOptions(
    int HiddenNeurons,
    int Epochs,
    string Goal,
    int BatchSize,
    int Seed,
    string Device,
    ScoringMode Scoring,
    int TrainRows,
    string Output,
    string Report,
    string? HtmlReport,
    string? Data
)
{
    /// <summary>The command, which hands its options to <paramref name="run"/>.</summary>
    public static RootCommand CreateCommand(Func<SampleOptions, int> run)
    {
        Option<int> hidden = CommandLine.WholeNumber("--hidden", "Hidden neurons.", fallback: 100, minimum: 1);
        Option<int> epochs = CommandLine.WholeNumber(
            "--epochs",
            "Passes over the training rows.",
            fallback: 100,
            minimum: 1
        );
        Option<string> goal = new("--goal")
        {
            Description =
                "What a hidden neuron aims for: the name of a published goal (opt_1_100_tpe, heuristic, ...) or a goal in the paper's notation, such as \"0.33{F}{C}{L} + {F}{C} - {F}{L} - {FC}{FL}\".",
            HelpName = "GOAL",
            DefaultValueFactory = _ => "opt_1_100_tpe",
        };
        goal.Validators.Add(result =>
        {
            if (!GoalFunction.TryParse(result.GetValue(goal), "FCL", out _, out string? error))
                result.AddError(error);
        });
        Option<int> batch = CommandLine.WholeNumber("--batch", "Rows in a batch.", fallback: 1024, minimum: 2);
        Option<int> seed = CommandLine.WholeNumber(
            "--seed",
            "Everything random follows from it.",
            fallback: 1,
            minimum: int.MinValue
        );
        Option<string> device = new("--device")
        {
            Description = "Where to train: auto, cpu, cuda or cuda:INDEX.",
            HelpName = "DEVICE",
            DefaultValueFactory = _ => "auto",
        };
        device.Validators.Add(result =>
        {
            string text = result.GetValue(device)!;
            if (text != "auto" && !ComputeDevice.TryParse(text, out _))
                result.AddError($"--device takes auto, cpu, cuda or cuda:INDEX, not \"{text}\".");
        });
        Option<ScoringMode> scoring = new("--scoring")
        {
            Description = "How to score: mean-field, thresholded or sampled.",
            HelpName = "MODE",
            DefaultValueFactory = _ => ScoringMode.MeanField,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (
                    text.All(letter => char.IsAsciiLetter(letter) || letter == '-')
                    && Enum.TryParse(text.Replace("-", ""), ignoreCase: true, out ScoringMode mode)
                )
                    return mode;
                result.AddError($"--scoring takes mean-field, thresholded or sampled, not \"{text}\".");
                return default;
            },
        };
        Option<int> rows = CommandLine.WholeNumber(
            "--train-rows",
            "Training images to use, drawn at random; a fifth of them is withheld for validation.",
            fallback: 60_000,
            minimum: 200,
            maximum: 60_000
        );
        Option<string> output = new("--output")
        {
            Description = "Folder for the model, the pictures and the report.",
            HelpName = "DIR",
            DefaultValueFactory = _ => Path.Combine("output", "mnist"),
        };
        Option<string?> report = new("--report")
        {
            Description = "File for the report (JSON). [default: report.json in the output folder]",
            HelpName = "FILE",
        };
        Option<string?> html = new("--html")
        {
            Description =
                "File for a report (HTML) that explains every neuron on the test images. [default: none is written]",
            HelpName = "FILE",
        };
        Option<string?> data = new("--data")
        {
            Description = "Folder with MNIST's four files. [default: data/mnist]",
            HelpName = "DIR",
        };

        var command = new RootCommand(
            "Trains a network of infomorphic neurons on MNIST: each hidden neuron maximises a goal of its own, written in terms of information, and no gradient crosses neurons."
        )
        {
            hidden,
            epochs,
            goal,
            batch,
            seed,
            device,
            scoring,
            rows,
            output,
            report,
            html,
            data,
            StreamRun.CreateCommand(),
        };
        command.SetAction(parsed =>
            run(
                new SampleOptions(
                    parsed.GetValue(hidden),
                    parsed.GetValue(epochs),
                    parsed.GetRequiredValue(goal),
                    parsed.GetValue(batch),
                    parsed.GetValue(seed),
                    parsed.GetRequiredValue(device),
                    parsed.GetValue(scoring),
                    parsed.GetValue(rows),
                    parsed.GetRequiredValue(output),
                    Path.GetFullPath(
                        parsed.GetValue(report) ?? Path.Combine(parsed.GetRequiredValue(output), "report.json")
                    ),
                    parsed.GetValue(html) is string file ? Path.GetFullPath(file) : null,
                    parsed.GetValue(data)
                )
            )
        );
        return command;
    }
}
