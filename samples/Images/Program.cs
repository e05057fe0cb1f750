using System.CommandLine;
using System.Text;
using Images;
using SampleSupport;

Console.OutputEncoding = Encoding.UTF8;

Option<string?> folder = new("--images")
{
    Description =
        "Folder with a folder of PNG or JPEG files for each class. [small pictures of shapes, which the sample draws]",
    HelpName = "DIR",
};
Option<string?> dataSet = new("--data-set")
{
    Description = "Instead of files: mnist, fashion or cifar10, from --data-directory.",
    HelpName = "NAME",
};
Option<string?> dataDirectory = new("--data-directory")
{
    Description = "Folder of the data set. [MNIST: data/mnist]",
    HelpName = "DIR",
};
Option<string[]> score = new("--score")
{
    Description = "Image files to predict the classes of, by the model in --output; nothing is trained.",
    HelpName = "FILES",
    AllowMultipleArgumentsPerToken = true,
};
Option<int> side = CommandLine.WholeNumber(
    "--side",
    "Files are resized to so many pixels, up and across.",
    24,
    7,
    1024
);
Option<bool> augment = new("--augment")
{
    Description = "Changes the training images in each epoch: moves, turns, zooms.",
};
Option<int> epochs = CommandLine.WholeNumber(
    "--epochs",
    "Passes over the training images, 0 for as many as suit their number.",
    0,
    0
);
Option<int> rows = CommandLine.WholeNumber("--train-rows", "Training images of a data set, 0 for all.", 0, 0);
Option<int> seed = CommandLine.WholeNumber("--seed", "Everything random follows from it.", 1, int.MinValue);
Option<string> output = new("--output")
{
    Description = "Folder for the model and the report.",
    HelpName = "DIR",
    DefaultValueFactory = _ => Path.Combine("output", "images"),
};

var command = new RootCommand("Trains an infomorphic network on images, measures it, explains it, and scores new ones.")
{
    folder,
    dataSet,
    dataDirectory,
    score,
    side,
    augment,
    epochs,
    rows,
    seed,
    output,
};
command.SetAction(parsed =>
{
    var results = new OutputFolder(parsed.GetRequiredValue(output));
    if (parsed.GetValue(score) is { Length: > 0 } files)
        return ImageScoring.Run(files, results, Console.Out);
    if (parsed.GetValue(folder) is not null && parsed.GetValue(dataSet) is not null)
        throw new ArgumentException("--images and --data-set are two ways to say what to train on: take one of them.");
    return ImageTraining.Run(
        new TrainingOptions(
            parsed.GetValue(folder),
            parsed.GetValue(dataSet),
            parsed.GetValue(dataDirectory),
            parsed.GetValue(side),
            parsed.GetValue(augment),
            parsed.GetValue(epochs),
            parsed.GetValue(rows),
            parsed.GetValue(seed)
        ),
        results,
        Console.Out
    );
});
return CommandLine.Run(command, args);
