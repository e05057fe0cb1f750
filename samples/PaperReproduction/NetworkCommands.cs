using System.CommandLine;
using System.Globalization;
using System.Text;
using Microsoft.ML.Infomorphic.Networks;
using SampleSupport;

namespace PaperReproduction;

/// <summary>The commands that train networks on images, beside their controls.</summary>
internal static class NetworkCommands
{
    private static readonly Option<string> s_dataSet = new("--data-set")
    {
        Description = "mnist, fashion or cifar10.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "mnist",
    };
    private static readonly Option<string?> s_dataDirectory = new("--data-directory")
    {
        Description = "Folder of the data set. [MNIST: data/mnist]",
        HelpName = "DIR",
    };
    private static readonly Option<string> s_results = new("--results")
    {
        Description = "Folder with the results of finished cells.",
        HelpName = "DIR",
        DefaultValueFactory = _ => Path.Combine("docs", "results", "networks"),
    };
    private static readonly Option<string> s_networks = new("--network")
    {
        Description =
            $"Networks, separated by commas: {string.Join(", ", ImageNetwork.All.Select(network => network.Name))}.",
        HelpName = "NAMES",
        DefaultValueFactory = _ => "fields64",
    };
    private static readonly Option<string> s_controls = new("--control")
    {
        Description =
            "What becomes of the hidden layers, separated by commas: learned, random (they never learn), backprop (trained from end to end).",
        HelpName = "NAMES",
        DefaultValueFactory = _ => "learned",
    };
    private static readonly Option<string?> s_augmentation = new("--augmentation")
    {
        Description =
            "How training images are changed: pixels to shift by, degrees, percent to zoom by and, to mirror them, flip, such as 1,10,10 or 4,0,0,flip. [not at all]",
        HelpName = "LIMITS",
    };
    private static readonly Option<string> s_seeds = new("--seeds")
    {
        Description = "Seeds: whole numbers and ranges, such as 1-3 or 10,100.",
        HelpName = "NUMBERS",
        DefaultValueFactory = _ => "1",
    };
    private static readonly Option<int> s_epochs = CommandLine.WholeNumber(
        "--epochs",
        "Passes over the training rows, in each stage where layers are trained one after another.",
        20,
        1
    );
    private static readonly Option<int> s_rows = CommandLine.WholeNumber(
        "--train-rows",
        "Training images to draw, 0 for all; a fifth of them is withheld for validation.",
        0,
        0
    );
    private static readonly Option<string?> s_models = new("--models")
    {
        Description = "Folder to store the trained networks in as well; networks of backprop are not stored.",
        HelpName = "DIR",
    };
    private static readonly Option<int> s_threads = CommandLine.WholeNumber(
        "--threads",
        "Threads, 0 for as many as there are processors.",
        0,
        0
    );

    /// <summary>Trains networks.</summary>
    public static Command CreateRun()
    {
        var command = new Command(
            "networks",
            "Trains networks of fields and of several layers on images, and their controls; finished cells are not run again."
        )
        {
            s_dataSet,
            s_dataDirectory,
            s_results,
            s_networks,
            s_controls,
            s_augmentation,
            s_seeds,
            s_epochs,
            s_rows,
            s_threads,
            s_models,
        };
        command.SetAction(parsed =>
            Commands.Guard(text =>
            {
                string dataSet = parsed.GetRequiredValue(s_dataSet);
                if (dataSet is not ("mnist" or "fashion" or "cifar10"))
                    throw new ArgumentException($"--data-set takes mnist, fashion or cifar10, not \"{dataSet}\".");
                int all = dataSet == "cifar10" ? 50_000 : 60_000;
                int rows = Commands.CheckRows(parsed.GetValue(s_rows), all);
                ImageAugmentation? augmentation = ParseAugmentation(parsed.GetValue(s_augmentation));
                NetworkCell[] cells =
                [
                    .. from seed in Commands.ParseNumbers(s_seeds.Name, parsed.GetRequiredValue(s_seeds))
                    from network in parsed.GetRequiredValue(s_networks).Split(',')
                    from control in parsed.GetRequiredValue(s_controls).Split(',')
                    select new NetworkCell(
                        dataSet,
                        ImageNetwork.Find(network).Name,
                        ParseControl(control),
                        augmentation,
                        parsed.GetValue(s_epochs),
                        seed,
                        rows
                    ),
                ];
                int threads = parsed.GetValue(s_threads) is int asked and > 0 ? asked : Environment.ProcessorCount;
                IReadOnlyList<NetworkResult> results = Sweep.Run(
                    cells,
                    new CellStore<NetworkCell, NetworkResult>(parsed.GetRequiredValue(s_results)),
                    () =>
                        new NetworkRunner(
                            ImageData.Load(dataSet, parsed.GetValue(s_dataDirectory)),
                            threads,
                            cellsAtOnce: 1,
                            parsed.GetValue(s_models)
                        ).Run,
                    cellsAtOnce: 1,
                    text
                );
                text.Write(NetworksReport.Table(results));
            })
        );
        return command;
    }

    /// <summary>Writes all stored results as a page.</summary>
    public static Command CreateReport()
    {
        Option<string> output = new("--output")
        {
            Description = "The file to write.",
            HelpName = "FILE",
            DefaultValueFactory = _ => Path.Combine("docs", "results", "networks", "README.md"),
        };
        var command = new Command("networks-report", "Writes all stored results of networks as a page of Markdown.")
        {
            s_results,
            output,
        };
        command.SetAction(parsed =>
            Commands.Guard(text =>
            {
                var store = new CellStore<NetworkCell, NetworkResult>(parsed.GetRequiredValue(s_results));
                IReadOnlyList<NetworkResult> results = store.ReadAll();
                if (results.Count == 0)
                    throw new InvalidOperationException(
                        $"{store.Folder} holds no results: run networks first, or name their folder with --results."
                    );
                string path = Path.GetFullPath(parsed.GetRequiredValue(output));
                new OutputFolder(Path.GetDirectoryName(path)!).Write(
                    path,
                    stream => stream.Write(Encoding.UTF8.GetBytes(NetworksReport.Markdown(results)))
                );
                text.WriteLine($"{results.Count} results: {path}");
            })
        );
        return command;
    }

    /// <summary>Explains a stored network.</summary>
    public static Command CreatePictures()
    {
        Option<string> model = new("--model")
        {
            Description = "The network, as networks --models stored it.",
            HelpName = "FILE",
            Required = true,
        };
        Option<string> output = new("--output")
        {
            Description = "Folder for the report and the pictures.",
            HelpName = "DIR",
            DefaultValueFactory = _ => Path.Combine("output", "networks"),
        };
        var command = new Command(
            "networks-pictures",
            "Writes what the neurons at each depth of a stored network are for: a report, and pictures."
        )
        {
            s_dataSet,
            s_dataDirectory,
            model,
            output,
        };
        command.SetAction(parsed =>
            Commands.Guard(text =>
                NetworkPictures.Write(
                    parsed.GetRequiredValue(model),
                    ImageData.Load(parsed.GetRequiredValue(s_dataSet), parsed.GetValue(s_dataDirectory)),
                    parsed.GetRequiredValue(output),
                    text
                )
            )
        );
        return command;
    }

    /// <summary>Reads "1,10,5,flip" as ±1 pixel, ±10°, ±5 %, mirrored.</summary>
    /// <exception cref="ArgumentException">It is something else.</exception>
    internal static ImageAugmentation? ParseAugmentation(string? text)
    {
        if (text is null)
            return null;
        string[] parts = text.Split(',');
        bool isFlipped = parts[^1] == "flip";
        if (
            parts.Length != (isFlipped ? 4 : 3)
            || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int shift)
            || !double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out double rotation)
            || !double.TryParse(parts[2], NumberStyles.Float, CultureInfo.InvariantCulture, out double zoom)
        )
            throw new ArgumentException(
                $"--augmentation takes pixels, degrees and percent, such as 1,10,10 or 4,0,0,flip, not \"{text}\"."
            );
        return new ImageAugmentation(shift, shift, rotation, zoom / 100, isFlipped);
    }

    private static NetworkControl ParseControl(string name) =>
        Enum.TryParse(name, ignoreCase: true, out NetworkControl control) && Enum.IsDefined(control)
            ? control
            : throw new ArgumentException($"--control takes learned, random and backprop, not \"{name}\".");
}
