using System.CommandLine;
using SampleSupport;

namespace GammaSweep;

/// <summary>What the command line asks for.</summary>
internal sealed record SampleOptions(
    int Trials,
    int Epochs,
    int Hidden,
    int TrainRows,
    string Tuner,
    string Store,
    int Workers,
    int AtOnce,
    int Batch,
    bool Prune,
    bool AllWeights,
    string Study,
    bool Resume,
    bool Presets,
    int Seed,
    string Report,
    bool Ablate,
    string? Data
)
{
    /// <summary>The command, which hands its options to <paramref name="run"/>.</summary>
    public static RootCommand CreateCommand(Func<SampleOptions, int> run)
    {
        Option<int> trials = CommandLine.WholeNumber("--trials", "Trials of the study.", fallback: 200, minimum: 1);
        Option<int> epochs = CommandLine.WholeNumber("--epochs", "Epochs of a trial.", fallback: 8, minimum: 1);
        Option<int> hidden = CommandLine.WholeNumber("--hidden", "Hidden neurons.", fallback: 30, minimum: 1);
        Option<int> rows = CommandLine.WholeNumber(
            "--train-rows",
            "MNIST images to use, drawn at random; a fifth of them is withheld for validation.",
            fallback: 24_000,
            minimum: 200,
            maximum: 60_000
        );
        Option<string> tuner = new("--tuner")
        {
            Description = "Who proposes: tpe, cma-es, random or quasi-random.",
            HelpName = "TUNER",
            DefaultValueFactory = _ => "tpe",
        };
        tuner.Validators.Add(result =>
        {
            if (result.GetValue(tuner) is not ("tpe" or "cma-es" or "random" or "quasi-random"))
                result.AddError(
                    $"--tuner takes tpe, cma-es, random or quasi-random, not \"{result.GetValue(tuner)}\"."
                );
        });
        Option<string> store = new("--store")
        {
            Description = "Where trials are kept: an SQLite file, or postgresql://USER@HOST/DATABASE.",
            HelpName = "STORE",
            DefaultValueFactory = _ => Path.Combine("output", "gamma-sweep", "trials.db"),
        };
        Option<int> atOnce = CommandLine.WholeNumber(
            "--at-once",
            "Trials that each worker trains at once, as one wide network; they are proposed together.",
            fallback: 1,
            minimum: 1
        );
        Option<int> workers = CommandLine.WholeNumber(
            "--workers",
            "Workers, which share the processors (one alone with --at-once, if not said otherwise); more processes may join with the same --store and --study.",
            fallback: 1,
            minimum: 1
        );
        workers.DefaultValueFactory = result =>
            result.GetValue(atOnce) > 1 ? 1 : Math.Min(2, Environment.ProcessorCount);
        Option<int> batch = CommandLine.WholeNumber(
            "--batch",
            "Propose trials in batches of so many, so that the study comes to the same for any number of workers; 0 for no batches.",
            fallback: 0,
            minimum: 0
        );
        Option<bool> allWeights = new("--all-weights")
        {
            Description =
                "Search as the paper did: the residual entropy's weight, too, and with random goals of every kind, most of which learn nothing.",
        };
        Option<bool> prune = new("--prune")
        {
            Description =
                "End trials that fall behind: after epochs 2, 6, 18, … only what is among the best third goes on (successive halving). Many more trials fit into the same time.",
        };
        Option<string> study = new("--study")
        {
            Description = "The study's name.",
            HelpName = "NAME",
            DefaultValueFactory = _ => "gamma",
        };
        Option<bool> resume = new("--resume")
        {
            Description = "Go on with the study of this name, or join it; begin it where there is none.",
        };
        Option<bool> presets = new("--presets") { Description = "Begin with the published goals." };
        Option<int> seed = CommandLine.WholeNumber("--seed", "The proposals follow from it.", fallback: 1, minimum: 0);
        Option<string> report = new("--report")
        {
            Description = "The report (HTML); the trials as CSV and JSON are written beside it.",
            HelpName = "FILE",
            DefaultValueFactory = _ => Path.Combine("output", "gamma-sweep", "report.html"),
        };
        Option<bool> ablate = new("--ablate")
        {
            Description = "Train the best goal again without each of its weights, and report what that costs.",
        };
        Option<string?> data = new("--data")
        {
            Description =
                "A table (CSV, or gzipped) with a header and the classes in the column \"label\", or else the last. [default: MNIST]",
            HelpName = "FILE",
        };
        var command = new RootCommand(
            "Searches a goal for infomorphic neurons: the weights of the information that their inputs share."
        )
        {
            trials,
            epochs,
            hidden,
            rows,
            tuner,
            store,
            workers,
            atOnce,
            batch,
            prune,
            allWeights,
            study,
            resume,
            presets,
            seed,
            report,
            ablate,
            data,
        };
        command.SetAction(parsed =>
            run(
                new SampleOptions(
                    parsed.GetValue(trials),
                    parsed.GetValue(epochs),
                    parsed.GetValue(hidden),
                    parsed.GetValue(rows),
                    parsed.GetRequiredValue(tuner),
                    parsed.GetRequiredValue(store),
                    parsed.GetValue(workers),
                    parsed.GetValue(atOnce),
                    parsed.GetValue(batch),
                    parsed.GetValue(prune),
                    parsed.GetValue(allWeights),
                    parsed.GetRequiredValue(study),
                    parsed.GetValue(resume),
                    parsed.GetValue(presets),
                    parsed.GetValue(seed),
                    parsed.GetRequiredValue(report),
                    parsed.GetValue(ablate),
                    parsed.GetValue(data)
                )
            )
        );
        return command;
    }
}
