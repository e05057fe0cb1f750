// The program of build/check-package.sh that uses the packages beside the library: asks a tuner, and draws a picture.
using Microsoft.ML.Infomorphic.Reporting;
using Microsoft.ML.Infomorphic.Tuning;

var space = new SearchSpace(new RealParameter("rate", 0.001, 0.1, logarithmic: true));
Trial trial = new RandomTuner(space, OptimizationDirection.Maximize, seed: 1).Ask();
Console.WriteLine($"Trial: {trial.Point}");

Picture picture = ReceptiveFieldPlot.Draw(new float[16], imageWidth: 4, imageHeight: 4, "A receptive field");
if (picture.ToPng().Length < 1000)
    throw new InvalidOperationException("The picture is empty.");
Console.WriteLine("The package works.");
